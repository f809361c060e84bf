"""Where figures about a buffer go: to a writer of scalars, a log, or a function."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from typing import Any

from ding_buffer.core.errors import BadArgument

_LOG = logging.getLogger("ding_buffer")


class ReportSink:
    """Hands figures on, and keeps the trouble of whoever takes them away from the buffer.

    ``to`` is an object with ``add_scalar(tag, value, step)`` (TensorBoard's, torch's, tensorboardX's
    writers), called once for each figure; a ``logging.Logger`` or anything with ``info``, told one line at
    level INFO; or a function, called with a dict of all figures by tag. None is the logger ``ding_buffer``.

    It is called in the thread that reports, and waited for. An ``Exception`` that it raises goes no further:
    it is counted in ``errors``, the first one is logged with its trace, and the rest of that report is lost;
    the next report is tried as ever. A copy hands on to the same ``to``.
    """

    def __init__(self, to: Any = None) -> None:
        self._to: Any = _LOG if to is None else to
        kinds = ("add_scalar", "info", "__call__")
        found = next((kind for kind in kinds if callable(getattr(self._to, kind, None))), None)
        if found is None or isinstance(to, type):
            raise BadArgument(
                "Reports go to an object with add_scalar(tag, value, step), a logger or a function, "
                f"got {to!r}."
            )
        self._kind = found
        self.errors = 0
        """How many reports failed."""

    def write(self, figures: Mapping[str, float], step: int, text: str) -> None:
        """Hands a report on: to a logger ``text``, to all others the figures."""
        self._shield(self._write, figures, step, text)

    def flush(self) -> None:
        """Makes a ``to`` that can be flushed write what it has."""
        if callable(getattr(self._to, "flush", None)):
            self._shield(self._to.flush)

    def _write(self, figures: Mapping[str, float], step: int, text: str) -> None:
        if self._kind == "add_scalar":
            for tag, value in figures.items():
                self._to.add_scalar(tag, value, step)
        elif self._kind == "info":
            self._to.info("%s", text)
        else:
            self._to(dict(figures))

    def _shield(self, call: Any, *arguments: Any) -> None:
        try:
            call(*arguments)
        except Exception:  # noqa: BLE001  (whatever a stranger raises must not undo an action of the buffer)
            self.errors += 1
            if self.errors == 1 and self._to is not _LOG:
                _LOG.warning(
                    "%r failed to take a report; it is tried again, further errors are only counted.",
                    self._to,
                    exc_info=True,
                )

    def __deepcopy__(self, memo: dict[int, Any]) -> ReportSink:
        return copy.copy(self)

"""Says that a buffer holds too little, once, until it holds enough."""

from __future__ import annotations

import logging

_LOG = logging.getLogger(__name__)


class ShortageNotice:
    """Logs a warning when waiting for data begins and a line when it ends.

    With ``every_time`` each skipped attempt is logged, as ``data_shortage_warning=True`` does in DI-engine.
    """

    def __init__(self, every_time: bool = False) -> None:
        self._every_time = every_time
        self._skipped = 0

    def waiting(self, reason: str) -> None:
        """Counts a skipped attempt and says why, if that was not said yet."""
        self._skipped += 1
        if self._skipped == 1 or self._every_time:
            _LOG.warning("training waits for more data: %s", reason)

    def over(self) -> None:
        """Says that data arrived, if anything was waiting for it."""
        if self._skipped:
            _LOG.info("enough data: training goes on after %d skipped attempts", self._skipped)
        self._skipped = 0

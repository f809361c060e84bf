"""The mistakes found in one config, told together."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ding_buffer.core.errors import ConfigError


class Problems:
    """Collects what is wrong and where, so that a user sees every mistake at once."""

    def __init__(self, source: str) -> None:
        """``source`` says what was read: a file name, or "the buffer config"."""
        self._source = source
        self._found: list[tuple[str, str]] = []
        self._cause: BaseException | None = None

    def __len__(self) -> int:
        """Returns how many mistakes were noted."""
        return len(self._found)

    def add(self, path: str, what: str, cause: BaseException | None = None) -> None:
        """Notes that ``what`` is wrong at ``path``; the first ``cause`` is chained to the error."""
        self._found.append((path, what))
        self._cause = self._cause or cause

    def take(self, path: str, error: ConfigError) -> None:
        """Notes every mistake that ``error`` tells of, each at its place below ``path``."""
        for where, what in error.found or [("", str(error))]:
            self.add(joined(path, where), what, error)

    def raise_if_any(self) -> None:
        """Raises the ``error`` of what was noted; returns quietly if nothing was."""
        if self._found:
            raise self.error()

    def error(self) -> ConfigError:
        """Returns one error with a line for each mistake."""
        lines = [f"{path}: {what}" if path else what for path, what in self._found]
        if len(lines) == 1:
            error = ConfigError(f"{self._source}: {lines[0]}")
        else:
            error = ConfigError("\n  ".join([f"{self._source}: {len(lines)} mistakes", *lines]))
        error.found = tuple(self._found)
        error.__cause__ = self._cause
        return error


def joined(path: str, key: str) -> str:
    """Returns the path of ``key`` below ``path``; either may be empty."""
    return f"{path}.{key}" if path and key else path or key


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Returns the known word most like ``word``, whatever its case; None if none is near."""
    folded = {name.casefold(): name for name in known}
    matches = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None

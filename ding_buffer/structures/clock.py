"""What tells the time to whatever needs it, so that a test can."""

from __future__ import annotations

from collections.abc import Callable

Clock = Callable[[], float]
"""Returns seconds that never run backwards, from any origin; ``time.monotonic`` is one."""


class ManualClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = float(start)

    def __call__(self) -> float:
        """Returns the seconds it shows."""
        return self._now

    @property
    def now(self) -> float:
        """The seconds it shows."""
        return self._now

    def advance(self, seconds: float) -> float:
        """Lets time pass and returns the new time; raises ``ValueError`` for going back."""
        if not seconds >= 0:
            raise ValueError(f"A clock goes forward only, got {seconds!r} seconds.")
        self._now += seconds
        return self._now

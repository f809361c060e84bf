"""A sum whose parts fade."""

from __future__ import annotations

from time import monotonic

from ding_buffer.structures.clock import Clock

_LEFT = 0.01
"""What is left of a part after one window."""


class DecayedSum:
    """Adds up numbers, each worth ``0.01 ** (age / window_seconds)`` of itself.

    So what is older than the window counts for less than a hundredth. Computed from the clock when it is read
    or added to, in O(1): no thread, no list of parts. An infinite window never forgets. A clock that runs
    backwards is taken to stand still. Not locked: whoever shares it holds a lock of his own.
    """

    def __init__(self, window_seconds: float, clock: Clock = monotonic) -> None:
        if not window_seconds > 0:
            raise ValueError(f"window_seconds must be above 0, got {window_seconds!r}.")
        self.window_seconds = float(window_seconds)
        self._clock = clock
        self._sum = 0.0
        self._time = clock()

    def add(self, number: float) -> None:
        """Adds a part of age 0."""
        self._fade()
        self._sum += number

    @property
    def value(self) -> float:
        """What the sum is worth now; set, it forgets the parts it had and begins with one of age 0."""
        self._fade()
        return self._sum

    @value.setter
    def value(self, number: float) -> None:
        self._time = self._clock()
        self._sum = float(number)

    def _fade(self) -> None:
        now = self._clock()
        if now > self._time:
            self._sum *= _LEFT ** ((now - self._time) / self.window_seconds)
            self._time = now

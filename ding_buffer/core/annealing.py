"""An exponent that rises to 1 while batches are drawn."""

from __future__ import annotations

from collections.abc import Callable

from ding_buffer.core.number_checks import check_number


class Annealing:
    """Starts at ``start`` and is 1 after ``over`` samples (0: it stays), or what ``schedule(samples)`` says.

    Source: Schaul et al. 2016, "Prioritized Experience Replay", section 3.4.
    """

    def __init__(self, start: float, over: float = 0, schedule: Callable[[int], float] | None = None) -> None:
        self._start, self._over, self._schedule = start, over, schedule
        self.samples = 0
        """How many batches were drawn."""

    def step(self) -> float:
        """Returns the exponent of the next batch, and counts it."""
        samples = self.samples
        if self._schedule is None and self._over:  # ``now`` spelled out, on the path of every batch
            exponent = self._start + (1.0 - self._start) * samples / self._over
            exponent = min(1.0, exponent)
        else:
            exponent = self.now
        self.samples = samples + 1
        return exponent

    @property
    def line(self) -> tuple[float, float] | None:
        """Where it starts and after how many samples it is 1 (0: never); None with a schedule."""
        return None if self._schedule is not None else (float(self._start), float(self._over))

    @property
    def now(self) -> float:
        """The exponent of the next batch; raises ``BadArgument`` where the schedule says what is none."""
        if self._schedule is not None:
            value = self._schedule(self.samples)
            check_number("beta_schedule(samples)", value, 0.0)
            return float(value)
        if not self._over:
            return self._start
        return min(1.0, self._start + (1.0 - self._start) * self.samples / self._over)

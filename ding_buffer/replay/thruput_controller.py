"""How many items may be pushed for each that is sampled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from time import monotonic
from typing import Any, ClassVar

from ding_buffer.replay.worker_config import Rules, finite, merged, number
from ding_buffer.structures.clock import Clock
from ding_buffer.structures.decayed_sum import DecayedSum

_NOTHING = 1e-5
"""A count below this is taken for none: what was sampled has faded."""


def _in_order(limits: Mapping[str, Any]) -> None:
    """Refuses bounds between which there is nothing."""
    if limits["min"] > limits["max"]:
        raise ValueError(f"expected min to be at most max, {limits['max']}, got {limits['min']}")


class ThruputController:
    """Says whether items may be pushed or sampled, so that neither side leaves the other behind.

    ``cfg`` is a mapping, as in DI-engine's ``AdvancedReplayBuffer``:

    * ``push_sample_rate_limit``: ``{"max": inf, "min": 0}``. The bounds of ``pushed / sampled``: a push that
      would lift the ratio above ``max`` is refused, and so is a sample that would drop it below ``min``.
    * ``window_seconds``: 30. What was counted fades by ``0.01 ** (age / window_seconds)``, so the ratio is
      one of the recent past. ``inf`` never forgets.
    * ``sample_min_limit_ratio``: 1. How many times the batch a buffer must hold before it is sampled; the
      controller checks it and keeps it for the buffer, which knows what it holds.

    The comment beside the original's config has it upside down: it speaks of samples for each push, of
    samples refused above ``max`` and of pushes thrown away below ``min``. Its code does what is written here.
    The original lets a thread multiply the counts once a second; here they follow from the clock when
    somebody looks, so there is no thread and ``close`` has nothing to end. Not locked: the buffer's lock is
    held.
    """

    config: ClassVar[Mapping[str, Any]] = {
        "push_sample_rate_limit": {"max": math.inf, "min": 0},
        "window_seconds": 30,
        "sample_min_limit_ratio": 1,
    }
    rules: ClassVar[Rules] = {
        "push_sample_rate_limit": _in_order,
        "push_sample_rate_limit.max": number(0),
        "push_sample_rate_limit.min": finite(0),
        "window_seconds": number(0, above=True),
        "sample_min_limit_ratio": number(1),
    }
    """What the settings may be, by path."""

    def __init__(self, cfg: Mapping[str, Any] | None = None, clock: Clock = monotonic) -> None:
        checked = merged(self.config, cfg, type(self).__name__, self.rules)
        limits = checked.push_sample_rate_limit
        self._most, self._least = limits.max, limits.min
        self.sample_min_limit_ratio = checked.sample_min_limit_ratio
        self._pushed = DecayedSum(checked.window_seconds, clock)
        self._sampled = DecayedSum(checked.window_seconds, clock)

    @property
    def history_push_count(self) -> float:
        """How many items were pushed, faded; add to it after a push."""
        return self._pushed.value

    @history_push_count.setter
    def history_push_count(self, count: float) -> None:
        self._pushed.value = count

    @property
    def history_sample_count(self) -> float:
        """How many items were sampled, faded; add to it after a sample."""
        return self._sampled.value

    @history_sample_count.setter
    def history_sample_count(self, count: float) -> None:
        self._sampled.value = count

    def can_push(self, push_size: int) -> tuple[bool, str]:
        """Tells whether so many items may be pushed, and why, or why not.

        While nothing has been sampled lately, any number may be.
        """
        pushed, sampled = self._pushed.value, self._sampled.value
        if sampled < _NOTHING:
            return True, "Nothing has been sampled lately: there is no ratio to keep."
        if pushed + push_size > self._most * sampled:
            return (
                False,
                f"push({pushed:.6g}+{push_size}) / sample({sampled:.6g}) > limit_max({self._most:g})",
            )
        return True, "Can push."

    def can_sample(self, sample_size: int) -> tuple[bool, str]:
        """Tells whether so many items may be sampled, and why, or why not."""
        pushed, sampled = self._pushed.value, self._sampled.value
        if pushed < self._least * (sampled + sample_size):
            return (
                False,
                f"push({pushed:.6g}) / sample({sampled:.6g}+{sample_size}) < limit_min({self._least:g})",
            )
        return True, "Can sample."

    def close(self) -> None:
        """Does nothing, as often as it is called: there is no thread to end."""

"""How long data lives in a buffer that replaces at random."""

from __future__ import annotations

import math

from ding_buffer.core.errors import BadArgument

_GAMMA = 0.5772156649015329


def replacement_chance(capacity: int, survival_length: float) -> float:
    """Returns the probability of replacement at which the longest survivor lives so many pushes on average.

    ``capacity / survival_length * (ln(capacity) + 0.5772)``, at most 1: the pushes that it takes until none
    of the items of a full buffer is left, as in the coupon collector's problem. (One item lives
    ``capacity / probability`` pushes on average, several times less.) A survival that is shorter than a
    probability of 1 allows cannot be met. Raises ``BadArgument`` unless it is positive.
    """
    number = isinstance(survival_length, (int, float)) and not isinstance(survival_length, bool)
    if not number or not survival_length > 0:
        raise BadArgument(f"expected_survival_length must be positive, got {survival_length!r}.")
    if capacity < 1:
        return 1.0
    chance = capacity / survival_length * (math.log(capacity) + _GAMMA)
    return min(max(chance, 0.0), 1.0)


def given_chance(chance: float | None, survival_length: float | None) -> float:
    """Returns a probability of replacement, 1 where neither is given.

    Raises ``BadArgument`` for what is no probability, and where the survival is given as well.
    """
    if chance is not None and survival_length is not None:
        raise BadArgument(
            "Cannot specify both replace_probability and expected_survival_length. The one follows from the "
            "other: give one of them."
        )
    if chance is None:
        return 1.0
    if not isinstance(chance, (int, float)) or isinstance(chance, bool) or not 0.0 <= chance <= 1.0:
        raise BadArgument(f"replace_probability must be between 0.0 and 1.0 inclusive, got {chance!r}.")
    return chance

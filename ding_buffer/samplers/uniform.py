"""Draws numbers of a range, all alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ding_buffer.core.errors import NotEnoughItems
from ding_buffer.kernels.chosen import draw_distinct


def distinct(rng: np.random.Generator, n: int, k: int) -> npt.NDArray[np.int64]:
    """Returns k distinct numbers of ``range(n)`` in random order, every ordered choice equally likely; int64.

    Any part of the result is itself such a choice, so a batch may be cut anywhere. (Without shuffling,
    ``Generator.choice`` draws a fair set in an unfair order.) Costs O(k), whatever n.
    Raises NotEnoughItems for k > n.
    """
    if k > n:
        raise NotEnoughItems(f"asked for {k} distinct numbers of {n}")
    if 8 * k >= n:
        # Floyd's algorithm, or from k > n / 50 the tail of a shuffle: never more than 50 k steps.
        return rng.choice(n, size=k, replace=False, shuffle=True)
    return draw_distinct(rng, n, k)


def with_replacement(rng: np.random.Generator, n: int, k: int) -> npt.NDArray[np.int64]:
    """Returns k independent numbers of ``range(n)``; int64. Raises NotEnoughItems for n = 0 unless k = 0."""
    if n == 0 and k > 0:
        raise NotEnoughItems(f"asked for {k} numbers of an empty range")
    return rng.integers(max(n, 1), size=k)

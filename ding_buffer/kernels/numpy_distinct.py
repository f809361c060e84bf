"""The first of each number, and of those that are legal; the twin of ``distinct.c``."""

from __future__ import annotations

import operator
from typing import SupportsIndex

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.numpy_checks import check_array, check_slots, integers

_FEW = 32
_ROOM = 62
"""Bits for a number and its position together, in one int64."""


def first_distinct(numbers: npt.ArrayLike, /) -> npt.NDArray[np.int64]:
    """Returns the numbers without later repeats, in their order; int64, a new array."""
    given = integers(numbers, "numbers")
    if given.size <= _FEW:
        return np.array(list(dict.fromkeys(given.tolist())), dtype=np.int64)
    ordered = np.sort(given)
    if not np.count_nonzero(ordered[1:] == ordered[:-1]):
        return np.array(given)
    bits = given.size.bit_length()
    if ordered[0] >= 0 and int(ordered[-1]) >> (_ROOM - bits) == 0:
        # Sorting a number with its position behind it is several times faster than a stable argsort.
        keys = given << bits
        keys |= np.arange(given.size)
        keys.sort()
        order = keys & ((1 << bits) - 1)
    else:
        order = given.argsort(kind="stable")
    # In this order the earliest of equal numbers comes first.
    first = np.ones(given.size, dtype=np.bool_)
    first[order[1:]] = ordered[1:] != ordered[:-1]
    distinct: npt.NDArray[np.int64] = given[first]
    return distinct


def draw_distinct(
    rng: np.random.Generator, n: SupportsIndex, size: SupportsIndex, /
) -> npt.NDArray[np.int64]:
    """Returns the first ``size`` distinct numbers of an endless row of ``rng.integers(n)``; int64, new.

    Each next one is fair among those that are left, so any part of it is a fair ordered choice. About
    ``size * size / 2n`` numbers are repeats: ``size + size * size // n`` are drawn at once, which mostly is
    enough, and then as many as are missing. ValueError unless 0 <= size <= n < 2**63.
    """
    end, count = operator.index(n), operator.index(size)
    if not 0 <= count <= end < 2**63:
        raise ValueError(f"there are no {count} distinct numbers in range({end})")
    if not count:
        return np.empty(0, dtype=np.int64)
    numbers = first_distinct(rng.integers(end, size=count + count * count // end))
    while numbers.size < count:
        numbers = first_distinct(np.concatenate([numbers, rng.integers(end, size=count - numbers.size)]))
    return numbers[:count].copy() if count < numbers.size else numbers


def draw_starts(
    legal: npt.NDArray[np.bool_], numbers: npt.ArrayLike, size: SupportsIndex, distinct: bool, /
) -> npt.NDArray[np.int64]:
    """Returns the first ``size`` of the numbers that are legal, in their order; fewer where there are fewer.

    With ``distinct`` without repeats. Raises IndexError for a number that is no place in ``legal``.
    """
    count, distinct = operator.index(size), bool(distinct)
    if count < 0:
        raise ValueError(f"nobody draws a negative number of starts, got {count}")
    drawn = integers(numbers, "numbers")
    check_array(legal, np.bool_, 1, "legal")
    check_slots(drawn, legal.size)
    kept: npt.NDArray[np.int64] = drawn[legal.take(drawn)] if drawn.size else drawn.copy()
    kept = first_distinct(kept) if distinct else kept
    return kept[:count].copy() if count < kept.size else kept

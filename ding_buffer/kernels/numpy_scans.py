"""Single passes over a few numbers; the twin of ``scans.c``."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.numpy_checks import check_array, check_slots, integers, keep_apart, reals


def bounds(numbers: npt.ArrayLike, /) -> tuple[float, float]:
    """Returns the least and the greatest of many real numbers.

    NaN, NaN where one of them is; inf, -inf where there are none.
    """
    given = reals(numbers, "numbers")
    if not given.size:
        return math.inf, -math.inf
    low = float(np.minimum.reduce(given, axis=None))
    return low, low if math.isnan(low) else float(np.maximum.reduce(given, axis=None))


def all_below(slots: npt.ArrayLike, bound: int, /) -> bool:
    """Tells whether all slots lie in ``range(bound)``."""
    given = integers(slots, "slots")
    if not isinstance(bound, (int, np.integer)):
        raise TypeError(f"bound must be a whole number, got {type(bound)!r}")
    # Seen as unsigned, a negative slot is a huge one.
    return not given.size or int(np.maximum.reduce(given.view(np.uint64))) < max(bound, 0)


def count_up(counts: npt.NDArray[np.int64], slots: npt.ArrayLike, /) -> npt.NDArray[np.int64]:
    """Counts every slot up by one, and a slot named twice by two; returns what each counting came to."""
    where = integers(slots, "slots")
    check_array(counts, np.int64, 1, "counts", writable=True)
    keep_apart(counts, "counts", where, "slots")
    check_slots(where, counts.size)
    made: npt.NDArray[np.int64] = counts.take(where) + 1
    np.add.at(counts, where, 1)
    if not np.array_equal(made, counts.take(where)):
        # Some come again. Sorted, those of one slot stand together, in their order.
        order = np.argsort(where, kind="stable")
        ordered = where[order]
        begins = np.flatnonzero(np.diff(ordered, prepend=-1))
        lengths = np.diff(np.append(begins, where.size))
        made[order] += np.arange(where.size) - np.repeat(begins, lengths)
    return made

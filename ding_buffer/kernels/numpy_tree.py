"""The sum tree in numpy: sums blocks of 16 level by level, and draws by them; the twin of ``tree.c``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.numpy_checks import check_array, check_slots, integers, number, reals
from ding_buffer.kernels.numpy_priorities import power

Floats = npt.NDArray[np.float64]
Lows = npt.NDArray[np.uint64]

SHIFT = 4
FAN_OUT = 1 << SHIFT
_MAX_LEVELS = 16
_SIGN = 1 << 63
_LARGEST = int(np.float64(sys.float_info.max).view(np.uint64))
_FLOAT64, _UINT64 = np.dtype(np.float64), np.dtype(np.uint64)


def tree_sum(
    levels: Sequence[Floats], lows: Sequence[Lows], starts: Floats, nodes: npt.ArrayLike | None, /
) -> tuple[float, float]:
    """Sums anew the named nodes above the leaves (None: all), those above them and the top.

    ``levels`` holds the leaves, then for each level the sums of the blocks of 16 below it; ``lows`` alike,
    from the first nodes on, the smallest positive leaf below as the two's complement of its bits (0: none).
    ``starts`` becomes the prefix sums of the top, +inf once the total is reached. Each sum is numpy's
    ``add.reduce`` of its block. Returns the total and the smallest positive leaf, +inf where there is none.
    """
    named = None if nodes is None else integers(nodes, "nodes")
    _check_levels(levels, starts, True)
    _check_lows(lows, levels)
    if len(levels) > 1 and named is not None:
        check_slots(named, levels[0].size >> SHIFT)
    _sum_nodes(levels, lows, named)
    return _sum_top(levels, lows, starts)


def _sum_nodes(levels: Sequence[Floats], lows: Sequence[Lows], nodes: npt.NDArray[np.int64] | None) -> None:
    if nodes is not None and nodes.size > 512:
        # Neighbouring slots share their nodes: a long run of them is mostly repetition.
        nodes = nodes[np.flatnonzero(np.diff(nodes, prepend=-1))]
    for level in range(len(levels) - 1):
        blocks = levels[level].reshape(-1, FAN_OUT)
        if nodes is not None and nodes.size >= len(blocks):
            nodes = None
        if nodes is not None:
            blocks = blocks.take(nodes, axis=0, mode="clip")
        sums = np.add.reduce(blocks, axis=1)
        if level == 0:
            smallest = np.negative(blocks.view(np.uint64))
        else:
            smallest = lows[level].reshape(-1, FAN_OUT)
            if nodes is not None:
                smallest = smallest.take(nodes, axis=0, mode="clip")
        smallest = np.maximum.reduce(smallest, axis=1)
        if nodes is None:
            levels[level + 1][: sums.size] = sums
            lows[level + 1][: smallest.size] = smallest
        else:
            levels[level + 1][nodes] = sums
            lows[level + 1][nodes] = smallest
            nodes = nodes >> SHIFT


def _sum_top(levels: Sequence[Floats], lows: Sequence[Lows], starts: Floats) -> tuple[float, float]:
    top = levels[-1]
    smallest = lows[-1] if len(levels) > 1 else np.negative(top.view(np.uint64))
    ends = starts[1:]
    np.add.accumulate(top, out=ends)
    total = float(ends[-1])
    # The node that first reaches the total has mass; whatever comes after it must never be found.
    ends[ends.searchsorted(total) :] = np.inf
    low = int(np.maximum.reduce(smallest))
    # At most the sign bit: no leaf is above zero (a negative zero has just that bit).
    return total, float(np.uint64(2 * _SIGN - low).view(np.float64)) if low > _SIGN else float("inf")


def tree_draw(levels: Sequence[Floats], starts: Floats, targets: npt.ArrayLike, /) -> npt.NDArray[np.int64]:
    """Returns for each target the leaf s with sum(leaves[:s]) <= target < sum(leaves[:s + 1]).

    ``levels`` and ``starts`` are as ``tree_sum`` left them. A target that rounding has carried up to the
    total, or beyond, finds the last leaf whose mass is not lost in rounding. Raises ValueError for a target
    that is negative or NaN.
    """
    targets = reals(targets, "targets")
    _check_levels(levels, starts, False)
    if targets.ndim != 1:
        raise ValueError("targets must have 1 dimensions")
    if targets.size == 0:
        return np.empty(0, dtype=np.int64)
    # Seen as bits, what is negative, infinite or NaN is more than the largest number: one pass tells.
    if int(np.maximum.reduce(targets.view(np.uint64))) > _LARGEST:
        if not np.minimum.reduce(targets) >= 0.0:
            raise ValueError("a target must be a number >= 0, got a negative one or NaN")
        # Past the end is the end, also for +inf.
        targets = np.minimum(targets, sys.float_info.max)
    nodes: npt.NDArray[np.int64] = starts[1:].searchsorted(targets, side="right")
    if len(levels) == 1:
        return nodes
    rest = targets - starts.take(nodes, mode="clip")
    # One row per target: the cumulative sums of a block, after a column of zeros.
    sums = np.empty((targets.size, FAN_OUT + 1))
    sums[:, 0] = 0.0
    ends = sums[:, 1:]
    rows = np.arange(0, sums.size, FAN_OUT + 1)
    for level in range(len(levels) - 2, -1, -1):
        blocks = levels[level].reshape(-1, FAN_OUT).take(nodes, axis=0, mode="clip")
        np.add.accumulate(blocks, axis=1, out=ends)
        # Below the block's sum there is an end that passes `rest`, and the first is a child's with mass.
        np.minimum(rest, np.nextafter(ends[:, -1], 0.0), out=rest)
        child = (ends <= rest[:, None]).argmin(axis=1)
        nodes = (nodes << SHIFT) + child
        if level:
            rest -= sums.reshape(-1).take(rows + child, mode="clip")
    return nodes


def weighed_draw(
    levels: Sequence[Floats],
    starts: Floats,
    points: npt.ArrayLike,
    stratified: bool,
    total: float,
    least: float,
    exponent: float,
    /,
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Draws a leaf for each point of [0, 1) and weighs it.

    Stratified, the ``total`` is cut in as many equal strata as there are points, and each point says where in
    its own; otherwise each lies anywhere. Returns the leaves, int64, and (mass / least) ** exponent of each.
    Raises as ``tree_draw``.
    """
    targets = np.array(reals(points, "points"))
    total, least = number(total, "total"), number(least, "least")
    exponent = number(exponent, "exponent")
    if stratified:
        targets += np.arange(targets.size).reshape(targets.shape)
        targets *= total / max(targets.size, 1)
    else:
        targets *= total
    slots = tree_draw(levels, starts, targets)
    return slots, power(levels[0].take(slots, mode="clip") / least, 0.0, exponent)


def _check_levels(levels: Sequence[Floats], starts: Floats, writable: bool) -> None:
    if not isinstance(levels, (list, tuple)):
        raise TypeError(f"levels must be a list of arrays, got {type(levels)!r}")
    if not 1 <= len(levels) <= _MAX_LEVELS:
        raise ValueError(f"levels must be 1 to {_MAX_LEVELS} arrays, got {len(levels)}")
    below, fits = 0, True
    for depth, level in enumerate(levels):
        _check_level(level, _FLOAT64, "a level", writable and depth > 0)
        width = level.size
        fits = fits and width >= 1 and width >= below >> SHIFT and not (depth and below % FAN_OUT)
        below = width
    if not fits:
        raise ValueError("the widths of the levels do not fit together")
    _check_level(starts, _FLOAT64, "starts", writable)
    if starts.size != below + 1:
        raise ValueError(f"expected {below + 1} starts, got {starts.size}")


def _check_lows(lows: Sequence[Lows], levels: Sequence[Floats]) -> None:
    if not isinstance(lows, (list, tuple)):
        raise TypeError(f"lows must be a list of arrays, got {type(lows)!r}")
    if len(lows) != len(levels):
        raise ValueError(f"got {len(lows)} lows for {len(levels)} levels")
    for low, level in zip(lows[1:], levels[1:], strict=True):
        _check_level(low, _UINT64, "a level of lows", True)
        if low.size != level.size:
            raise ValueError("the widths of the levels and their lows differ")


def _check_level(
    level: npt.NDArray[np.generic], dtype: np.dtype[np.generic], name: str, writable: bool
) -> None:
    # One look is enough at what is right; `check_array` says what is wrong.
    if type(level) is np.ndarray and level.dtype is dtype and level.ndim == 1:
        flags = level.flags
        if flags.carray or (not writable and flags.c_contiguous and flags.aligned):
            return
    check_array(level, dtype.type, 1, name, writable)

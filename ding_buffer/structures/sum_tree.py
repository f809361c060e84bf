"""Draws leaves in proportion to their mass, in time that grows with the logarithm of their number."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.structures.slot_checks import checked_slots

_SHIFT = 4
_FAN_OUT = 1 << _SHIFT
_WIDEST_TOP = 4096  # Nodes of the top level, which is summed whole: cheaper than one level more.
_PENDING = 4096
_SIGN = 1 << 63


class SumTree:
    """Masses by slot, with their sum, their smallest, and the slot under any point of their prefix sum.

    All leaves start at zero. The masses are float64, and so are all sums. A node is always the sum of the
    block of 16 below it, taken afresh from the leaves upwards and never corrected by a difference, so nothing
    drifts however long it runs. A leaf of mass zero is never found.

    ``set`` only writes leaves and remembers which; the nodes above them are summed by the next call that
    reads a sum, all at once. A tree is not safe to share between threads without a lock, reading included.

    A level is a row of blocks of 16 children; the level above has one node per block. The top level is one
    flat array of at most 4096 nodes with its cumulative sums, searched by bisection.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"a sum tree needs room for at least one leaf, got capacity={capacity}")
        self._capacity = int(capacity)
        # No sum of this many masses overflows.
        self._heaviest = sys.float_info.max / (2 * self._capacity)
        self._sums: list[npt.NDArray[np.float64]] = []
        # The smallest positive mass under a node, as the two's complement of its bits: a zero gives 0, and
        # the smaller the mass the larger the number. So the smallest positive mass is a plain maximum, and
        # zeroed memory is right.
        self._lows: list[npt.NDArray[np.uint64]] = []
        width = self._capacity
        while width > _WIDEST_TOP:
            padded = -(-width // _FAN_OUT) * _FAN_OUT
            self._add_level(padded)
            width = padded // _FAN_OUT
        self._add_level(width)
        # starts[i] is the sum of the top nodes before i; +inf once the total is reached.
        self._starts = np.zeros(width + 1)
        self._sum_top()
        self._pending = np.empty(_PENDING, dtype=np.int64)
        self._pending_count = 0

    def _add_level(self, width: int) -> None:
        # The level of the leaves has no lows of its own: they follow from the leaves.
        self._lows.append(np.zeros(width if self._sums else 0, dtype=np.uint64))
        self._sums.append(np.zeros(width))

    @property
    def capacity(self) -> int:
        """The number of leaves."""
        return self._capacity

    @property
    def leaves(self) -> npt.NDArray[np.float64]:
        """The masses of all slots: a read-only view, shape (capacity,)."""
        view = self._sums[0][: self._capacity]
        view.flags.writeable = False
        return view

    @property
    def heaviest(self) -> float:
        """The largest mass a leaf may have, so that the total stays finite."""
        return self._heaviest

    @property
    def total(self) -> float:
        """The sum of all masses."""
        if self._pending_count:
            self._settle()
        return self._total

    @property
    def min_positive(self) -> float:
        """The smallest mass above zero, +inf when there is none."""
        if self._pending_count:
            self._settle()
        return self._lowest

    def masses(self, slots: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns the masses of the slots, in their order: float64, a copy."""
        return self._sums[0].take(checked_slots(slots, self._capacity), mode="clip")

    def set(self, slots: npt.ArrayLike, masses: npt.ArrayLike) -> None:
        """Gives each slot its mass; where a slot is named twice, the last mass stays.

        One mass for all slots is allowed. Raises ValueError for a mass that is negative, not finite or above
        ``heaviest``, and IndexError for a slot out of range; nothing has changed then.
        """
        slots = checked_slots(slots, self._capacity)
        masses = np.asarray(masses, dtype=np.float64)
        if masses.ndim:
            masses = masses.reshape(-1)
            if masses.size != slots.size:
                raise ValueError(f"got {masses.size} masses for {slots.size} slots")
        if slots.size == 0:
            return
        self._check_masses(masses)
        self._sums[0][slots] = masses
        count = slots.size
        if count > _PENDING:
            self._settle()
            self._sum_above(slots >> _SHIFT)
            return
        if self._pending_count + count > _PENDING:
            self._settle()
        at = self._pending_count
        np.right_shift(slots, _SHIFT, out=self._pending[at : at + count])
        self._pending_count = at + count

    def set_one(self, slot: int, mass: float) -> None:
        """Gives one slot its mass: ``set`` for one, without the cost of arrays."""
        if not 0 <= slot < self._capacity:
            raise IndexError(f"slot {slot} is out of range: slots go from 0 to {self._capacity - 1}")
        if not 0.0 <= mass <= self._heaviest:
            self._check_masses(np.asarray(mass, dtype=np.float64))
        self._sums[0][slot] = mass
        if self._pending_count == _PENDING:
            self._settle()
        self._pending[self._pending_count] = slot >> _SHIFT
        self._pending_count += 1

    def fill(self, masses: npt.ArrayLike) -> None:
        """Sets all leaves at once, in O(capacity): a mass for each, or one for all. Raises as ``set``."""
        masses = np.asarray(masses, dtype=np.float64)
        if masses.ndim and masses.shape != (self._capacity,):
            raise ValueError(f"expected masses of shape ({self._capacity},), got {masses.shape}")
        self._check_masses(masses)
        self._sums[0][: self._capacity] = masses
        self._pending_count = 0
        self._sum_above(None)

    def clear(self) -> None:
        """Sets all leaves to zero."""
        for sums, lows in zip(self._sums, self._lows, strict=True):
            sums.fill(0.0)
            lows.fill(0)
        self._pending_count = 0
        self._sum_top()

    def find(self, targets: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Returns for each target the slot s with sum(masses[:s]) <= target < sum(masses[:s + 1]).

        Targets lie in [0, total); one that rounding has carried up to the total, or beyond, finds the last
        leaf whose mass is not lost in rounding. Raises ValueError for a negative target, for NaN, and on a
        tree without mass.
        """
        targets = np.asarray(targets, dtype=np.float64).reshape(-1)
        if self._pending_count:
            self._settle()
        if targets.size == 0:
            return np.empty(0, dtype=np.int64)
        if not np.minimum.reduce(targets) >= 0.0:
            raise ValueError("a target must be a number >= 0, got a negative one or NaN")
        if self._total == 0.0:
            raise ValueError("nothing can be found: all masses are zero")
        nodes: npt.NDArray[np.int64] = self._starts[1:].searchsorted(targets, side="right")
        if len(self._sums) == 1:
            return nodes
        rest = targets - self._starts.take(nodes, mode="clip")
        # One row per target: the cumulative sums of a block, after a column of zeros.
        sums = np.empty((targets.size, _FAN_OUT + 1))
        sums[:, 0] = 0.0
        ends = sums[:, 1:]
        rows = np.arange(0, sums.size, _FAN_OUT + 1)
        for level in range(len(self._sums) - 2, -1, -1):
            blocks = self._sums[level].reshape(-1, _FAN_OUT).take(nodes, axis=0, mode="clip")
            np.add.accumulate(blocks, axis=1, out=ends)
            # Below the block's sum there is an end that passes `rest`, and the first is a child's with mass.
            np.minimum(rest, np.nextafter(ends[:, -1], 0.0), out=rest)
            child = (ends <= rest[:, None]).argmin(axis=1)
            nodes = (nodes << _SHIFT) + child
            if level:
                rest -= sums.reshape(-1).take(rows + child, mode="clip")
        return nodes

    def check(self) -> None:
        """Raises RuntimeError if a node is not what its leaves say, or a leaf is no mass."""
        if self._pending_count:
            self._settle()
        twin = SumTree(self._capacity)
        twin.fill(self.leaves)
        for level, (mine, right) in enumerate(zip(self._sums, twin._sums, strict=True)):
            if not np.array_equal(mine, right):
                raise RuntimeError(f"level {level} of the sum tree disagrees with the leaves")
        for level, (low, right_low) in enumerate(zip(self._lows, twin._lows, strict=True)):
            if not np.array_equal(low, right_low):
                raise RuntimeError(f"the minima of level {level} of the sum tree disagree with the leaves")
        if not np.array_equal(self._starts, twin._starts) or self._total != twin._total:
            raise RuntimeError("the top of the sum tree disagrees with the leaves")
        if self._lowest != twin._lowest:
            raise RuntimeError("the smallest mass of the sum tree disagrees with the leaves")

    def state_dict(self) -> dict[str, Any]:
        """Returns the masses, copied: all else follows from them."""
        return {"leaves": self.leaves.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes the masses of a state; raises ValueError, unchanged, for a shape or a mass that cannot be."""
        leaves = np.asarray(state["leaves"], dtype=np.float64)
        if leaves.shape != (self._capacity,):
            raise ValueError(f"expected leaves of shape ({self._capacity},), got {leaves.shape}")
        self.fill(leaves)

    def _check_masses(self, masses: npt.NDArray[np.float64]) -> None:
        # NaN makes both extremes NaN, and every comparison with NaN is false.
        low, high = np.minimum.reduce(masses, axis=None), np.maximum.reduce(masses, axis=None)
        if not (low >= 0.0 and high <= self._heaviest):
            wrong = masses[~((masses >= 0.0) & (masses <= self._heaviest))]
            raise ValueError(f"a mass must be finite and in [0, {self._heaviest:.3g}], got {wrong.flat[0]}")

    def _settle(self) -> None:
        count = self._pending_count
        if count:
            self._pending_count = 0
            self._sum_above(self._pending[:count])

    def _sum_above(self, nodes: npt.NDArray[np.int64] | None) -> None:
        """Sums anew the named nodes just above the leaves, and all above those; None means every node."""
        if nodes is not None and nodes.size > 512:
            # Neighbouring slots share their nodes: a long run of them is mostly repetition.
            nodes = nodes[np.flatnonzero(np.diff(nodes, prepend=-1))]
        for level in range(len(self._sums) - 1):
            blocks = self._sums[level].reshape(-1, _FAN_OUT)
            if nodes is not None and nodes.size >= len(blocks):
                nodes = None
            if nodes is not None:
                blocks = blocks.take(nodes, axis=0, mode="clip")
            sums = np.add.reduce(blocks, axis=1)
            if level == 0:
                lows = np.negative(blocks.view(np.uint64))
            else:
                lows = self._lows[level].reshape(-1, _FAN_OUT)
                if nodes is not None:
                    lows = lows.take(nodes, axis=0, mode="clip")
            lows = np.maximum.reduce(lows, axis=1)
            if nodes is None:
                self._sums[level + 1][: sums.size] = sums
                self._lows[level + 1][: lows.size] = lows
            else:
                self._sums[level + 1][nodes] = sums
                self._lows[level + 1][nodes] = lows
                nodes = nodes >> _SHIFT
        self._sum_top()

    def _sum_top(self) -> None:
        top = self._sums[-1]
        lows = self._lows[-1] if len(self._sums) > 1 else np.negative(top.view(np.uint64))
        ends = self._starts[1:]
        np.add.accumulate(top, out=ends)
        self._total = float(ends[-1])
        # The node that first reaches the total has mass; whatever comes after it must never be found.
        ends[ends.searchsorted(self._total) :] = np.inf
        low = int(np.maximum.reduce(lows))
        # At most the sign bit: no leaf is above zero (a negative zero has just that bit).
        self._lowest = float(np.uint64(2 * _SIGN - low).view(np.float64)) if low > _SIGN else float("inf")

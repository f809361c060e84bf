"""Draws leaves in proportion to their mass, in time that grows with the logarithm of their number."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.chosen import WIDEST_TOP, TreeSums
from ding_buffer.structures.slot_checks import checked_slots

_FAN_OUT = 16  # the kernels'
_CACHE_LINE = 64


class SumTree:
    """Masses by slot, with their sum, their smallest, and the slot under any point of their prefix sum.

    All leaves start at zero. The masses are float64, and so are all sums. A node is always the sum of the
    block of 16 below it, taken afresh from the leaves upwards and never corrected by a difference, so nothing
    drifts however long it runs. A leaf of mass zero is never found.

    ``set`` only writes leaves and remembers which; the nodes above them are summed by the next call that
    reads a sum, all at once. A tree is not safe to share between threads without a lock, reading included.

    A level is a row of blocks of 16 children; the level above has one node per block. The top level is one
    flat array of at most ``widest_top`` nodes with its cumulative sums, searched by bisection. Where a sum is
    rounded depends on that width, which is what suits the kernels unless it is given.
    """

    def __init__(self, capacity: int, widest_top: int = WIDEST_TOP) -> None:
        if capacity < 1:
            raise ValueError(f"a sum tree needs room for at least one leaf, got capacity={capacity}")
        if widest_top < 1:
            raise ValueError(f"the top of a sum tree has at least one node, got widest_top={widest_top}")
        self._widest_top = widest_top
        self._capacity = int(capacity)
        # No sum of this many masses overflows.
        self._heaviest = sys.float_info.max / (2 * self._capacity)
        self._sums: list[npt.NDArray[np.float64]] = []
        # The smallest positive mass under a node, as the two's complement of its bits: a zero gives 0, and
        # the smaller the mass the larger the number. So the smallest positive mass is a plain maximum, and
        # zeroed memory is right.
        self._lows: list[npt.NDArray[np.uint64]] = []
        width = self._capacity
        while width > widest_top:
            padded = -(-width // _FAN_OUT) * _FAN_OUT
            self._add_level(padded)
            width = padded // _FAN_OUT
        self._add_level(width)
        # starts[i] is the sum of the top nodes before i; +inf once the total is reached.
        self._starts = np.zeros(width + 1)
        self._begin()

    def _begin(self) -> None:
        self.sums = TreeSums(tuple(self._sums), tuple(self._lows), self._starts)
        """What keeps all nodes in step with the leaves."""
        self.draw = self.sums.draw
        """Called with rng, n, stratified, exponent: draws n slots, one in each of n equal parts of the total
        or each anywhere, and returns them with (mass / smallest mass) ** exponent; None without mass."""
        self.weigh = self.sums.weigh
        """Called with priorities, live, slots, given, epsilon, alpha, highest: gives each slot the mass
        (given + epsilon) ** alpha, and writes ``given`` and that it is live into the first two, by slot.
        Returns how many were not live before. Raises ValueError, unchanged, for one that is NaN, negative or
        above ``highest``, which must not weigh more than ``heaviest``."""

    def _add_level(self, width: int) -> None:
        # The level of the leaves has no lows of its own: they follow from the leaves.
        self._lows.append(_zeros(width if self._sums else 0).view(np.uint64))
        self._sums.append(_zeros(width))

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
        return self.sums.total

    @property
    def min_positive(self) -> float:
        """The smallest mass above zero, +inf when there is none."""
        return self.sums.lowest

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
        self.sums.mark(slots)

    def set_one(self, slot: int, mass: float) -> None:
        """Gives one slot its mass: ``set`` for one, without the cost of arrays."""
        if not 0 <= slot < self._capacity:
            raise IndexError(f"slot {slot} is out of range: slots go from 0 to {self._capacity - 1}")
        if not 0.0 <= mass <= self._heaviest:
            self._check_masses(np.asarray(mass, dtype=np.float64))
        self._sums[0][slot] = mass
        self.sums.mark_one(slot)

    def fill(self, masses: npt.ArrayLike) -> None:
        """Sets all leaves at once, in O(capacity): a mass for each, or one for all. Raises as ``set``."""
        masses = np.asarray(masses, dtype=np.float64)
        if masses.ndim and masses.shape != (self._capacity,):
            raise ValueError(f"expected masses of shape ({self._capacity},), got {masses.shape}")
        self._check_masses(masses)
        self._sums[0][: self._capacity] = masses
        self.sums.sum_all()

    def clear(self) -> None:
        """Sets all leaves to zero."""
        for sums, lows in zip(self._sums, self._lows, strict=True):
            sums.fill(0.0)
            lows.fill(0)
        self.sums.mark_one(0)  # so that the top is summed

    def find(self, targets: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Returns for each target the slot s with sum(masses[:s]) <= target < sum(masses[:s + 1]).

        Targets lie in [0, total); one that rounding has carried up to the total, or beyond, finds the last
        leaf whose mass is not lost in rounding. Raises ValueError for a negative target, for NaN, and on a
        tree without mass.
        """
        targets = np.asarray(targets, dtype=np.float64).reshape(-1)
        if targets.size == 0:
            return np.empty(0, dtype=np.int64)
        if self.total == 0.0:
            raise ValueError("nothing can be found: all masses are zero")
        return self.sums.find(targets)

    def check(self) -> None:
        """Raises RuntimeError if a node is not what its leaves say, or a leaf is no mass."""
        total, lowest = self.total, self.min_positive
        twin = SumTree(self._capacity, self._widest_top)
        twin.fill(self.leaves)
        for level, (mine, right) in enumerate(zip(self._sums, twin._sums, strict=True)):
            if not np.array_equal(mine, right):
                raise RuntimeError(f"level {level} of the sum tree disagrees with the leaves")
        for level, (low, right_low) in enumerate(zip(self._lows, twin._lows, strict=True)):
            if not np.array_equal(low, right_low):
                raise RuntimeError(f"the minima of level {level} of the sum tree disagree with the leaves")
        if not np.array_equal(self._starts, twin._starts) or total != twin.total:
            raise RuntimeError("the top of the sum tree disagrees with the leaves")
        if lowest != twin.min_positive:
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

    def __getstate__(self) -> dict[str, Any]:
        """A copy sums its own leaves."""
        return {key: value for key, value in self.__dict__.items() if key not in ("sums", "draw", "weigh")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()
        self.sums.sum_all()


def _zeros(count: int) -> npt.NDArray[np.float64]:
    """Returns zeros that begin on a cache line: a block then lies on two lines, not on three."""
    raw = np.zeros(8 * count + _CACHE_LINE, dtype=np.uint8)
    start = -raw.ctypes.data % _CACHE_LINE
    return raw[start : start + 8 * count].view(np.float64)

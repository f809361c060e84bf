"""Draws slots in proportion to a power of their priorities."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.core.errors import BadPriority, NotEnoughItems
from ding_buffer.kernels.chosen import TreeSums, power
from ding_buffer.samplers.targets import draw_targets, pick_positions
from ding_buffer.structures.slot_checks import checked_slots
from ding_buffer.structures.sum_tree import SumTree

_INT64, _FLOAT64 = np.dtype(np.int64), np.dtype(np.float64)  # compared sooner than their names


class ProportionalSampler:
    """A PrioritySampler with mass = (priority + epsilon) ** alpha.

    Epsilon keeps an item whose priority has come down to zero in play. With epsilon = 0 a priority of zero is
    never drawn, unless all live ones are zero: then each counts as mass 1 and all are drawn alike, in
    O(capacity). ``draw`` and ``set`` cost O(B log capacity).

    Source: Schaul et al. 2016, "Prioritized Experience Replay", section 3.3.
    """

    def __init__(self, capacity: int, alpha: float, epsilon: float = 1e-5) -> None:
        if not 0.0 <= alpha < np.inf:
            raise ValueError(f"alpha must be finite and >= 0, got {alpha}")
        if not 0.0 <= epsilon < np.inf:
            raise ValueError(f"epsilon must be finite and >= 0, got {epsilon}")
        self._tree = SumTree(capacity)
        self._capacity = self._tree.capacity
        self._alpha = float(alpha)
        self._epsilon = float(epsilon)
        self._highest = self._highest_priority()
        self._priorities = np.zeros(self._capacity)
        self._live = np.zeros(self._capacity, dtype=np.bool_)
        self._length = 0
        self._single = np.empty(1)
        self._last_priority, self._last_mass = math.nan, 0.0

    @property
    def alpha(self) -> float:
        """The exponent: 0 draws all alike, 1 in proportion to the priority."""
        return self._alpha

    @property
    def epsilon(self) -> float:
        """What is added to every priority."""
        return self._epsilon

    @property
    def total(self) -> float:
        """The sum of the masses of all live slots."""
        return self._tree.total or float(self._length)

    @property
    def min_mass(self) -> float:
        """The smallest mass that can be drawn, +inf when no slot is live."""
        return 1.0 if self._all_zero() else self._tree.min_positive

    @property
    def highest(self) -> float:
        """The highest priority whose mass the tree can add up."""
        return self._highest

    @property
    def sums(self) -> TreeSums:
        """The sums of the masses, for who draws from them directly; that of a slot not live is 0."""
        return self._tree.sums

    def __len__(self) -> int:
        return self._length

    def set(self, slots: npt.ArrayLike, priorities: npt.ArrayLike) -> None:
        """Gives each slot its priority and makes it live; the last one of a slot named twice stays."""
        if not (type(slots) is np.ndarray and slots.ndim == 1 and slots.dtype == _INT64):
            slots = checked_slots(slots, self._capacity)
        if type(priorities) is not np.ndarray or priorities.dtype != _FLOAT64 or priorities.ndim != 1:
            priorities = _as_numbers(priorities)
        if priorities.size != slots.size and priorities.ndim:
            raise BadPriority(f"got {priorities.size} priorities for {slots.size} slots")
        if slots.size == 0:
            return
        numbers = (self._epsilon, self._alpha, self._highest)
        try:
            became = self._tree.weigh(self._priorities, self._live, slots, priorities, *numbers)
        except ValueError as error:
            self._check(priorities, error)
            raise
        self._length += became

    def set_one(self, slot: int, priority: float) -> None:
        """Gives one slot its priority and makes it live."""
        if not 0 <= slot < self._capacity:
            raise IndexError(f"slot {slot} is out of range: slots go from 0 to {self._capacity - 1}")
        if not 0.0 <= priority <= self._highest:
            raise self._bad(priority)
        if priority != self._last_priority:  # new items mostly share the highest priority so far
            # The same power function as for many at once: a saved sampler comes back bit for bit.
            self._single[0] = priority
            mass = float(power(self._single, self._epsilon, self._alpha)[0])
            self._last_priority, self._last_mass = priority, mass
        self._tree.set_one(slot, self._last_mass)
        self._priorities[slot] = priority
        if not self._live[slot]:
            self._live[slot] = True
            self._length += 1

    def remove(self, slots: npt.ArrayLike) -> None:
        """Makes the slots no longer live; those that are not live are passed over."""
        slots = checked_slots(slots, self._capacity)
        slots = np.unique(slots[self._live.take(slots, mode="clip")])
        self._tree.set(slots, 0.0)
        self._live[slots] = False
        self._length -= slots.size

    def draw(self, rng: np.random.Generator, n: int, stratified: bool = True) -> npt.NDArray[np.int64]:
        """Returns n live slots, drawn with replacement in proportion to their masses."""
        if n == 0:
            return np.empty(0, dtype=np.int64)
        if self._length == 0:
            raise NotEnoughItems(f"asked for {n} slots, but none has a priority")
        if self._all_zero():
            slots = np.flatnonzero(self._live)
            return slots[pick_positions(np.ones(slots.size), rng, n, stratified)]
        return self._tree.find(draw_targets(rng, n, self._tree.total, stratified))

    def draw_weighed(
        self, rng: np.random.Generator, n: int, stratified: bool, beta: float
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Draws as ``draw`` does, with the weight of each: (mass / smallest mass) ** -beta."""
        drawn = self._tree.draw(rng, n, stratified, -beta) if n and self._length else None
        if drawn is not None:
            return drawn
        slots = self.draw(rng, n, stratified)
        return slots, power(self.masses(slots) / self.min_mass, 0.0, -beta)

    def draw_among(
        self, rng: np.random.Generator, slots: npt.ArrayLike, n: int, stratified: bool = True
    ) -> npt.NDArray[np.int64]:
        """Returns n of the named slots, drawn with replacement in proportion to their masses."""
        slots = checked_slots(slots, self._capacity)
        if n == 0:
            return np.empty(0, dtype=np.int64)
        masses = self._tree.masses(slots)
        if not masses.any():
            masses = self._live.take(slots, mode="clip").astype(np.float64)
            if not masses.any():
                raise NotEnoughItems(f"asked for {n} of {slots.size} slots, but none of these has a priority")
        return slots[pick_positions(masses, rng, n, stratified)]

    def masses(self, slots: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns the masses of the slots, 0 for one that is not live."""
        if self._all_zero():
            return self._live.take(checked_slots(slots, self._capacity), mode="clip").astype(np.float64)
        return self._tree.masses(slots)

    def priorities(self, slots: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns the priorities as they were given; NaN for a slot that is not live."""
        slots = checked_slots(slots, self._capacity)
        live = self._live.take(slots, mode="clip")
        return np.where(live, self._priorities.take(slots, mode="clip"), np.nan)

    def clear(self) -> None:
        """Makes all slots no longer live."""
        self._tree.clear()
        self._live.fill(False)
        self._length = 0

    def check(self) -> None:
        """Raises RuntimeError if masses, priorities and the number of live slots disagree."""
        self._tree.check()
        live = self._live
        if self._length != np.count_nonzero(live):
            raise RuntimeError(f"{np.count_nonzero(live)} slots are live, {self._length} were counted")
        if not np.array_equal(self._tree.leaves, np.where(live, self._weigh(self._priorities), 0.0)):
            raise RuntimeError("the masses disagree with the priorities")

    def state_dict(self) -> dict[str, Any]:
        """Returns the priorities and which slots are live, copied; the masses follow from them."""
        return {"priorities": np.where(self._live, self._priorities, 0.0), "live": self._live.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes a state, weighed with this sampler's alpha and epsilon."""
        priorities, live = _as_numbers(state["priorities"]), np.asarray(state["live"])
        if priorities.shape != (self._capacity,) or live.shape != (self._capacity,) or live.dtype != np.bool_:
            raise ValueError(f"expected priorities and bools, both of shape ({self._capacity},)")
        self._tree.fill(np.where(live, self._weigh(priorities), 0.0))
        self._priorities[:] = priorities
        self._live[:] = live
        self._length = int(np.count_nonzero(live))

    def _all_zero(self) -> bool:
        return self._length > 0 and self._tree.total == 0.0

    def _weigh(self, priorities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        self._check(priorities)
        return power(priorities, self._epsilon, self._alpha)

    def _check(self, priorities: npt.NDArray[np.float64], cause: Exception | None = None) -> None:
        # NaN makes the minimum NaN, and every comparison with NaN is false.
        low, high = np.minimum.reduce(priorities, axis=None), np.maximum.reduce(priorities, axis=None)
        if not (low >= 0.0 and high <= self._highest):
            wrong = priorities[~((priorities >= 0.0) & (priorities <= self._highest))].flat[0]
            raise self._bad(wrong) from cause

    def _highest_priority(self) -> float:
        """The priority whose mass is the largest the tree takes; numpy would warn of a power beyond it."""
        largest = math.log(sys.float_info.max)
        if self._alpha > 0.0:
            largest = min(largest, math.log(self._tree.heaviest) / self._alpha)
        highest = math.exp(largest * (1.0 - 1e-9)) - self._epsilon
        if highest <= 0.0:
            raise ValueError(
                f"epsilon={self._epsilon} is too large for alpha={self._alpha}: masses too heavy"
            )
        return highest

    def _bad(self, priority: float) -> BadPriority:
        if self._highest < priority < np.inf:
            limit = f"at alpha={self._alpha} the sum of masses could overflow above {self._highest:.3g}"
            return BadPriority(f"priority {priority} is too large: {limit}")
        return BadPriority(f"a priority must be finite and not negative, got {priority}")


def _as_numbers(priorities: npt.ArrayLike) -> npt.NDArray[np.float64]:
    try:
        numbers = np.asarray(priorities, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadPriority(f"priorities must be numbers: {error}") from error
    return numbers.reshape(-1) if numbers.ndim else numbers

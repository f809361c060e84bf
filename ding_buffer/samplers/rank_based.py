"""Draws slots by the rank of their priorities."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.core.errors import BadPriority, NotEnoughItems
from ding_buffer.kernels.chosen import power
from ding_buffer.samplers.targets import draw_targets, pick_positions
from ding_buffer.structures.rank_index import RankIndex
from ding_buffer.structures.slot_checks import checked_slots

_WAITING = 4096


class RankSampler:
    """A PrioritySampler with mass = (1 / rank) ** alpha, where rank 1 has the highest priority.

    Only the order of priorities counts, so outliers and their scale do not matter. Ranks are exact and always
    up to date; equal priorities rank by slot, the lowest first. A change of one priority changes the masses
    of others. ``draw`` and ``set`` touch the slots named and a list of about capacity / 40 entries.

    Source: Schaul et al. 2016, "Prioritized Experience Replay", section 3.3; there the order is only sorted
    from time to time.
    """

    def __init__(self, capacity: int, alpha: float) -> None:
        if not 0.0 <= alpha < np.inf:
            raise ValueError(f"alpha must be finite and >= 0, got {alpha}")
        if alpha * math.log(max(capacity, 1)) > 700.0:
            raise ValueError(f"alpha={alpha} is too large: the mass of rank {capacity} would vanish")
        self._index = RankIndex(capacity)
        self._capacity = self._index.capacity
        self._alpha = float(alpha)
        # ends[r - 1] is the sum of the masses of the ranks up to r.
        self._ends = np.ones(1)
        # Priorities given one by one, to be sorted in together: one alone costs nearly as much as a hundred.
        self._waiting: dict[int, float] = {}

    @property
    def alpha(self) -> float:
        """The exponent: 0 draws all alike, 1 in proportion to 1 / rank."""
        return self._alpha

    @property
    def total(self) -> float:
        """The sum of the masses of all live slots."""
        length = len(self)
        return float(self._ends_up_to(length)[-1]) if length else 0.0

    @property
    def min_mass(self) -> float:
        """The mass of the last rank, +inf when no slot is live."""
        length = len(self)
        return float(length**-self._alpha) if length else math.inf

    @property
    def highest(self) -> float:
        """The highest priority: any finite number has a rank."""
        return sys.float_info.max

    def __len__(self) -> int:
        return len(self._settled())

    def set(self, slots: npt.ArrayLike, priorities: npt.ArrayLike) -> None:
        """Gives each slot its priority and makes it live; the last one of a slot named twice stays."""
        try:
            self._settled().set(slots, priorities)
        except (TypeError, ValueError) as error:
            raise BadPriority(str(error)) from error

    def set_one(self, slot: int, priority: float) -> None:
        """Gives one slot its priority and makes it live."""
        if not 0 <= slot < self._capacity:
            raise IndexError(f"slot {slot} is out of range: slots go from 0 to {self._capacity - 1}")
        if not 0.0 <= priority < np.inf:
            raise BadPriority(f"a priority must be finite and not negative, got {priority}")
        self._waiting[slot] = priority
        if len(self._waiting) >= _WAITING:
            self._settled()

    def remove(self, slots: npt.ArrayLike) -> None:
        """Makes the slots no longer live; those that are not live are passed over."""
        self._settled().remove(slots)

    def draw(self, rng: np.random.Generator, n: int, stratified: bool = True) -> npt.NDArray[np.int64]:
        """Returns n live slots, drawn with replacement in proportion to their masses."""
        if n == 0:
            return np.empty(0, dtype=np.int64)
        length = len(self)
        if length == 0:
            raise NotEnoughItems(f"asked for {n} slots, but none has a priority")
        ends = self._ends_up_to(length)
        total = float(ends[-1])
        targets = draw_targets(rng, n, total, stratified)
        np.minimum(targets, np.nextafter(total, 0.0), out=targets)
        return self._index.slots_at(ends.searchsorted(targets, side="right") + 1)

    def draw_weighed(
        self, rng: np.random.Generator, n: int, stratified: bool, beta: float
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Draws as ``draw`` does, with the weight of each: (mass / smallest mass) ** -beta."""
        slots = self.draw(rng, n, stratified)
        return slots, power(self.masses(slots) / self.min_mass, 0.0, -beta)

    def draw_among(
        self, rng: np.random.Generator, slots: npt.ArrayLike, n: int, stratified: bool = True
    ) -> npt.NDArray[np.int64]:
        """Returns n of the named slots, drawn with replacement in proportion to their masses."""
        slots = checked_slots(slots, self._capacity)
        if n == 0:
            return np.empty(0, dtype=np.int64)
        masses = self.masses(slots)
        if not masses.any():
            raise NotEnoughItems(f"asked for {n} of {slots.size} slots, but none of these has a priority")
        return slots[pick_positions(masses, rng, n, stratified)]

    def masses(self, slots: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns the masses of the slots, 0 for one that is not live."""
        index = self._settled()
        slots = checked_slots(slots, self._capacity)
        live = index.live.take(slots, mode="clip")
        if live.all():
            return np.power(index.ranks(slots).astype(np.float64), -self._alpha)
        masses = np.zeros(slots.size)
        masses[live] = np.power(index.ranks(slots[live]).astype(np.float64), -self._alpha)
        return masses

    def ranks(self, slots: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Returns the ranks of the slots, counted from 1; raises KeyError for one that is not live."""
        return self._settled().ranks(slots)

    def priorities(self, slots: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns the priorities as they were given; NaN for a slot that is not live."""
        index = self._settled()
        slots = checked_slots(slots, self._capacity)
        live = index.live.take(slots, mode="clip")
        priorities = np.full(slots.size, np.nan)
        priorities[live] = index.priorities(slots[live])
        return priorities

    def clear(self) -> None:
        """Makes all slots no longer live."""
        self._waiting.clear()
        self._index.clear()

    def check(self) -> None:
        """Raises RuntimeError if the order disagrees with the priorities."""
        self._settled().check()

    def state_dict(self) -> dict[str, Any]:
        """Returns the priorities and which slots are live, copied; the masses follow from them."""
        return self._settled().state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes a state, weighed with this sampler's alpha."""
        self._settled().load_state_dict(state)

    def _settled(self) -> RankIndex:
        if self._waiting:
            slots = np.fromiter(self._waiting.keys(), dtype=np.int64, count=len(self._waiting))
            priorities = np.fromiter(self._waiting.values(), dtype=np.float64, count=len(self._waiting))
            self._index.set(slots, priorities)
            self._waiting.clear()  # last: broken off in between they are sorted in once more
        return self._index

    def _ends_up_to(self, length: int) -> npt.NDArray[np.float64]:
        while self._ends.size < length:
            size = self._ends.size
            # Always doubled, always summed on from the last: the numbers do not depend on how it grew.
            more = np.power(np.arange(size + 1, 2 * size + 1, dtype=np.float64), -self._alpha)
            more[0] += self._ends[-1]
            self._ends = np.concatenate((self._ends, np.add.accumulate(more)))
        return self._ends[:length]

"""Which groups or windows to take, by the priorities of their items."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ding_buffer.core.errors import NotEnoughItems
from ding_buffer.samplers.prioritized_windows import Part, Wanted, Window, draw_window, window_sums
from ding_buffer.samplers.sampler import PrioritySampler
from ding_buffer.structures.group_index import GroupIndex

_ROUNDS = 6


class Grouping(NamedTuple):
    """The groups to draw from, and the serials of slots, which tell where in its group an item stands."""

    groups: GroupIndex
    serials_of: Callable[[np.ndarray], np.ndarray]


def draw_by_items(
    rng: np.random.Generator,
    sampler: PrioritySampler,
    grouping: Grouping,
    size: int,
    wanted: Wanted,
    stratified: bool,
) -> list[Window]:
    """Returns ``size`` groups or windows, with replacement, a group by the sum of its items' masses.

    An item is drawn by its own mass and its group taken; a window of it then by the sum of its own items.
    Costs the lengths of the groups taken while most items belong to one that may be drawn, else one look at
    every item. Raises ``NotEnoughItems`` where no group may be drawn.
    """
    index = grouping.groups
    taken: list[Part] = []
    for attempt in range(_ROUNDS if len(sampler) else 0):
        missing = size - len(taken)
        if not missing:
            break
        # Strata only while nothing was refused: what fills the gaps must not be drawn from some strata alone.
        count, strata = (2 * missing + 8, False) if attempt else (missing, stratified)
        slots = sampler.draw(rng, count, strata)
        for slot, serial in zip(slots.tolist(), grouping.serials_of(slots).tolist(), strict=True):
            group = index.of(slot)
            bounds = wanted.part(group) if group is not None else None
            if group is None or bounds is None or len(taken) == size:
                continue
            if bounds[0] <= bisect_left(group.serials, serial, group.head) < bounds[1]:
                taken.append((group, *bounds))
    if len(taken) < size:
        taken += _enumerated(rng, sampler, index, size - len(taken), wanted, stratified)
    return [_window(rng, sampler, part, wanted) for part in taken]


def _enumerated(
    rng: np.random.Generator,
    sampler: PrioritySampler,
    index: GroupIndex,
    size: int,
    wanted: Wanted,
    stratified: bool,
) -> list[Part]:
    part_of = {slot: part for part in wanted.parts(index) for slot in part[0].slots[part[1] : part[2]]}
    if not part_of:
        raise NotEnoughItems(
            f"There are less than {size} groups in buffer({len(index)} groups, none may be drawn)."
        )
    slots = sampler.draw_among(rng, np.array(list(part_of), dtype=np.int64), size, stratified)
    return [part_of[slot] for slot in slots.tolist()]


def _window(rng: np.random.Generator, sampler: PrioritySampler, part: Part, wanted: Wanted) -> Window:
    group, start, stop = part
    masses = sampler.masses(group.slots[start:stop])
    return draw_window(rng, part, masses, float(masses.sum()), wanted, window_sums)

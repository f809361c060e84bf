"""Which groups or windows to take, by the priorities of their items."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ding_buffer.core.errors import NotEnoughItems
from ding_buffer.samplers.sampler import PrioritySampler
from ding_buffer.structures.group_index import Group, GroupIndex

_ROUNDS = 6
_Found = tuple[Group, int, int, int]
"""A group, the places ``[start, stop)`` of it that may be drawn, and the place of the item that was."""


class Window(NamedTuple):
    """Consecutive slots of one group, and a mass in proportion to the chance of drawing exactly these."""

    slots: Sequence[int]
    mass: float


class Wanted(NamedTuple):
    """What is drawn.

    Whole groups (``unroll_len`` 0) or windows of that many items, from the items with a serial in
    ``between``.
    """

    unroll_len: int
    sliced: bool
    between: tuple[int, int] | None

    def part(self, group: Group) -> tuple[int, int] | None:
        """Returns the places ``[start, stop)`` of the group that may be drawn.

        None where they are too few.
        """
        start, stop = (group.head, len(group.slots)) if self.between is None else group.between(*self.between)
        return (start, stop) if stop - start >= max(self.unroll_len, 1) else None


def draw_by_items(
    rng: np.random.Generator,
    sampler: PrioritySampler,
    index: GroupIndex,
    serials_of: Callable[[np.ndarray], np.ndarray],
    size: int,
    wanted: Wanted,
    stratified: bool,
) -> list[Window]:
    """Returns ``size`` groups or windows, with replacement, each as likely as the sum of its items' masses.

    An item is drawn by its own mass and its group taken; a window is then one of those that hold the item,
    all alike, so each item's mass is shared evenly among them (``sliced``: the one block that holds it).
    O(size log N) while most items belong to a group that may be drawn. Raises ``NotEnoughItems`` where none
    does.
    """
    taken: list[_Found] = []
    for attempt in range(_ROUNDS if len(sampler) else 0):
        missing = size - len(taken)
        if not missing:
            break
        # Strata only while nothing was refused: what fills the gaps must not be drawn from some strata alone.
        slots = (
            sampler.draw(rng, 2 * missing + 8, stratified=False)
            if attempt
            else sampler.draw(rng, missing, stratified)
        )
        for slot, serial in zip(slots.tolist(), serials_of(slots).tolist(), strict=True):
            group = index.of(slot)
            bounds = wanted.part(group) if group is not None else None
            if group is None or bounds is None or len(taken) == size:
                continue
            place = bisect_left(group.serials, serial, group.head)
            if bounds[0] <= place < bounds[1]:
                taken.append((group, *bounds, place))
    if len(taken) < size:
        taken += _enumerated(rng, sampler, index, size - len(taken), wanted, stratified)
    return [_window(rng, sampler, *found, wanted) for found in taken]


def _enumerated(
    rng: np.random.Generator,
    sampler: PrioritySampler,
    index: GroupIndex,
    size: int,
    wanted: Wanted,
    stratified: bool,
) -> list[_Found]:
    parts = [(group, *bounds) for group in index.groups if (bounds := wanted.part(group)) is not None]
    found = {
        group.slots[place]: (group, start, stop, place)
        for group, start, stop in parts
        for place in range(start, stop)
    }
    if not found:
        raise NotEnoughItems(
            f"There are less than {size} groups in buffer({len(index)} groups, none that may be drawn)."
        )
    slots = sampler.draw_among(rng, np.array(list(found), dtype=np.int64), size, stratified)
    return [found[slot] for slot in slots.tolist()]


def _window(
    rng: np.random.Generator,
    sampler: PrioritySampler,
    group: Group,
    start: int,
    stop: int,
    place: int,
    wanted: Wanted,
) -> Window:
    unroll = wanted.unroll_len
    if not unroll:
        slots = group.slots[start:stop]
        return Window(slots, float(sampler.masses(slots).sum()))
    last = stop - unroll  # the last place a window may begin at
    if wanted.sliced:
        begin = min(start + (place - start) // unroll * unroll, last)
        # The trailing block is reached only through the items that no whole block holds.
        reached = (
            begin if (begin - start) % unroll == 0 else start + (last - start + unroll - 1) // unroll * unroll
        )
        mass = float(sampler.masses(group.slots[reached : min(reached + unroll, stop)]).sum())
    else:
        begin = int(rng.integers(max(start, place - unroll + 1), min(place, last) + 1))
        places = np.arange(begin, begin + unroll)
        ways = (
            np.minimum(places, last) - np.maximum(start, places - unroll + 1) + 1
        )  # windows that hold each item
        mass = float((sampler.masses(group.slots[begin : begin + unroll]) / ways).sum())
    return Window(group.slots[begin : begin + unroll], mass)

"""Which groups to take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ding_buffer.samplers.uniform import distinct, with_replacement
from ding_buffer.structures.group_index import GroupIndex

_ROUNDS = 6


def draw_groups(
    rng: np.random.Generator,
    index: GroupIndex,
    size: int,
    *,
    replace: bool,
    at_least: int = 1,
    between: tuple[int, int] | None = None,
) -> list[Sequence[int]]:
    """Returns ``size`` groups, each as the slots of its items in storage order.

    A group takes part with its items whose serial lies in ``between`` (all by default) if these are
    ``at_least`` so many; each such group is equally likely. Returns nothing where there are not enough.
    O(size) while a fair part of the groups takes part, else one look at each.
    """
    every = between is None and at_least <= 1
    groups = index.groups
    if every:
        count = len(groups)
        if not count or (size > count and not replace):
            return []
        places = with_replacement(rng, count, size) if replace else distinct(rng, count, size)
        return [groups[place].slots[groups[place].head :] for place in places.tolist()]

    def part(place: int) -> tuple[int, int] | None:
        group = groups[place]
        start, stop = (group.head, len(group.slots)) if between is None else group.between(*between)
        return (start, stop) if stop - start >= at_least else None

    taken: list[tuple[int, tuple[int, int]]] = []
    seen: set[int] = set()
    for _ in range(_ROUNDS if groups else 0):
        # Keeping the first accepted draws leaves every eligible group equally likely, with or without
        # replacement.
        for place in with_replacement(rng, len(groups), 2 * size + 8).tolist():
            bounds = part(place) if replace or place not in seen else None
            if bounds is not None:
                seen.add(place)
                taken.append((place, bounds))
                if len(taken) == size:
                    return _slots(index, taken)
    eligible = [(place, bounds) for place in range(len(groups)) if (bounds := part(place)) is not None]
    if not eligible or (size > len(eligible) and not replace):
        return []
    chosen = with_replacement(rng, len(eligible), size) if replace else distinct(rng, len(eligible), size)
    return _slots(index, [eligible[place] for place in chosen.tolist()])


def _slots(index: GroupIndex, taken: Sequence[tuple[int, tuple[int, int]]]) -> list[Sequence[int]]:
    return [index.groups[place].slots[start:stop] for place, (start, stop) in taken]

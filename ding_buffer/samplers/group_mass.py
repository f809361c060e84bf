"""Groups by a mix of the highest and the mean mass of their items."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ding_buffer.core.errors import NotEnoughItems
from ding_buffer.samplers.prioritized_windows import Part, Wanted, Window, draw_window, mix, window_mixes
from ding_buffer.samplers.sampler import PrioritySampler
from ding_buffer.samplers.targets import pick_positions
from ding_buffer.structures.group_index import Group, GroupIndex


class GroupMasses:
    """The mass ``eta * max + (1 - eta) * mean`` of each group of one key, up to date when a draw needs it.

    A draw costs the number of groups and the lengths of those that changed since the last one. Source:
    Kapturowski et al. 2019, "Recurrent Experience Replay in Distributed Reinforcement Learning", section 2.3.
    """

    def __init__(self, index: GroupIndex, sampler: PrioritySampler, eta: float) -> None:
        self._index = index
        self._sampler = sampler
        self._eta = eta
        self._group_of: dict[int, Group] = {}
        self._masses: dict[Group, float] = {}
        self._changed: set[Group] = set(index.groups)
        for group in index.groups:
            self._group_of.update(dict.fromkeys(group.slots[group.head :], group))

    def touch(self, slots: Iterable[int]) -> None:
        """Notes that items came, went, moved or changed their priority."""
        for slot in slots:
            old, new = self._group_of.pop(slot, None), self._index.of(slot)
            if old is not None:
                self._changed.add(old)
            if new is not None:
                self._changed.add(new)
                self._group_of[slot] = new

    def draw(self, rng: np.random.Generator, size: int, wanted: Wanted, stratified: bool) -> list[Window]:
        """Returns ``size`` groups or windows, with replacement.

        A group is drawn by its mass, a window of it then by the same mix of its own items. Raises
        ``NotEnoughItems`` where no group may be drawn.
        """
        parts = wanted.parts(self._index)
        if not parts:
            raise NotEnoughItems(
                f"There are less than {size} groups in buffer({len(self._index)} groups, none may be drawn)."
            )
        self._settle()
        if wanted.between is None:
            masses = np.array([self._masses[group] for group, _, _ in parts])
        else:
            masses = np.array([self._mix(part) for part in parts])
        if not masses.any():
            masses = np.ones(len(parts))
        measure = window_mixes(self._eta)
        drawn = []
        for place in pick_positions(masses, rng, size, stratified).tolist():
            group, start, stop = parts[place]
            items = self._sampler.masses(group.slots[start:stop])
            drawn.append(draw_window(rng, parts[place], items, float(masses[place]), wanted, measure))
        return drawn

    def _settle(self) -> None:
        for group in self._changed:
            if len(group):
                self._masses[group] = self._mix((group, group.head, len(group.slots)))
            else:
                self._masses.pop(group, None)
        self._changed.clear()

    def _mix(self, part: Part) -> float:
        group, start, stop = part
        return float(mix(self._sampler.masses(group.slots[start:stop]), self._eta))

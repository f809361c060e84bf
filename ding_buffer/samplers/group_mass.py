"""Groups by a mix of the highest and the mean mass of their items."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ding_buffer.core.errors import NotEnoughItems
from ding_buffer.samplers.prioritized_groups import Wanted, Window
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

        Raises ``NotEnoughItems`` where none may be drawn.

        A group is drawn by its mass, a window of it then by the same mix of its own items.
        """
        parts = [
            (group, *bounds) for group in self._index.groups if (bounds := wanted.part(group)) is not None
        ]
        if not parts:
            raise NotEnoughItems(
                f"There are less than {size} groups in buffer({len(self._index)}, none that may be drawn)."
            )
        if wanted.between is None:
            self._settle()
            masses = np.array([self._masses[group] for group, _, _ in parts])
        else:
            masses = np.array(
                [self._mix(self._sampler.masses(group.slots[start:stop])) for group, start, stop in parts]
            )
        if not masses.any():
            masses = np.ones(len(parts))
        chosen = pick_positions(masses, rng, size, stratified)
        return [self._window(rng, parts[place], float(masses[place]), wanted) for place in chosen.tolist()]

    def _settle(self) -> None:
        for group in self._changed:
            if len(group):
                self._masses[group] = float(self._mix(self._sampler.masses(group.slots[group.head :])))
            else:
                self._masses.pop(group, None)
        self._changed.clear()

    def _mix(self, masses: np.ndarray) -> np.ndarray:
        mixed: np.ndarray = self._eta * masses.max(axis=-1) + (1.0 - self._eta) * masses.mean(axis=-1)
        return mixed

    def _window(
        self, rng: np.random.Generator, part: tuple[Group, int, int], mass: float, wanted: Wanted
    ) -> Window:
        group, start, stop = part
        unroll = wanted.unroll_len
        if not unroll:
            return Window(group.slots[start:stop], mass)
        items = self._sampler.masses(group.slots[start:stop])
        begins = np.arange(stop - start - unroll + 1)
        if wanted.sliced:
            begins = np.unique(np.minimum(np.arange(0, stop - start, unroll), stop - start - unroll))
        windows = self._mix(np.lib.stride_tricks.sliding_window_view(items, unroll)[begins])
        if not windows.any():
            windows = np.ones(len(begins))
        picked = int(pick_positions(windows, rng, 1, stratified=False)[0])
        begin = start + int(begins[picked])
        return Window(group.slots[begin : begin + unroll], mass * float(windows[picked] / windows.sum()))

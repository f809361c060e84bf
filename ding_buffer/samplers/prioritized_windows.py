"""Which window of a group to take, by the priorities of its items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ding_buffer.samplers.targets import pick_positions
from ding_buffer.structures.group_index import Group, GroupIndex

Part = tuple[Group, int, int]
"""A group and the places ``[start, stop)`` of it that may be drawn."""


class Window(NamedTuple):
    """Consecutive slots of one group, and a mass in proportion to the chance of drawing exactly these."""

    slots: Sequence[int]
    mass: float


class Wanted(NamedTuple):
    """What is drawn: whole groups (``unroll_len`` 0) or windows of that many consecutive items.

    Only items with a serial in ``between`` take part, where it is given.
    """

    unroll_len: int
    sliced: bool
    between: tuple[int, int] | None

    def part(self, group: Group) -> tuple[int, int] | None:
        """Returns the places ``[start, stop)`` of the group that may be drawn; None where too few."""
        start, stop = (group.head, len(group.slots)) if self.between is None else group.between(*self.between)
        return (start, stop) if stop - start >= max(self.unroll_len, 1) else None

    def parts(self, index: GroupIndex) -> list[Part]:
        """Returns the part of every group that has one."""
        return [(group, *bounds) for group in index.groups if (bounds := self.part(group)) is not None]


def draw_window(
    rng: np.random.Generator,
    part: Part,
    masses: np.ndarray,
    group_mass: float,
    wanted: Wanted,
    measure: Callable[[np.ndarray, int], np.ndarray],
) -> Window:
    """Returns the whole part, or one window of it drawn by what ``measure`` makes of its items' ``masses``.

    ``measure`` returns the mass of the window that begins at each place; all are alike where none has any.
    """
    group, start, stop = part
    length = wanted.unroll_len
    if not length:
        return Window(group.slots[start:stop], group_mass)
    last = stop - start - length
    windows = measure(masses, length)
    if wanted.sliced:  # whole blocks, and the trailing one
        begins = np.unique(np.minimum(np.arange(0, stop - start, length), last))
    else:
        begins = np.arange(last + 1)
    windows = windows[begins]
    if not windows.any():
        windows = np.ones(len(begins))
    picked = int(pick_positions(windows, rng, 1, stratified=False)[0])
    begin = start + int(begins[picked])
    return Window(group.slots[begin : begin + length], group_mass * float(windows[picked] / windows.sum()))


def window_sums(masses: np.ndarray, length: int) -> np.ndarray:
    """Returns the sum of each window of ``length`` consecutive masses."""
    ends = np.concatenate(([0.0], np.cumsum(masses)))
    # Of a large sum and a small one the difference may be a rounding error below zero.
    sums: np.ndarray = np.maximum(ends[length:] - ends[:-length], 0.0)
    return sums


def window_mixes(eta: float) -> Callable[[np.ndarray, int], np.ndarray]:
    """Makes the measure ``eta * max + (1 - eta) * mean`` of each window."""

    def measure(masses: np.ndarray, length: int) -> np.ndarray:
        return mix(np.lib.stride_tricks.sliding_window_view(masses, length), eta)

    return measure


def mix(masses: np.ndarray, eta: float) -> np.ndarray:
    """Returns ``eta * max + (1 - eta) * mean`` along the last axis."""
    mixed: np.ndarray = eta * masses.max(axis=-1) + (1.0 - eta) * masses.mean(axis=-1)
    return mixed

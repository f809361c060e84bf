"""What a window looks like: which items lie in it, and where nothing does."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.chosen import walk
from ding_buffer.structures.succession import Succession


class WindowShape(NamedTuple):
    """``burn_in`` places and then ``length`` that are learned from, of one run of items.

    ``pad_start`` lets the burn-in reach before the first item of the run, ``pad_end`` the rest beyond its
    last. A window is named by its first item, or with ``pad_start`` by the first that is learned from, which
    is always there.
    """

    burn_in: int
    length: int
    pad_start: bool
    pad_end: bool

    @property
    def lead(self) -> int:
        """How many places lie between the item that names a window and the first learned one."""
        return 0 if self.pad_start else self.burn_in

    @property
    def need(self) -> int:
        """How many items there must be from the one that names a window on."""
        return self.lead + (1 if self.pad_end else self.length)

    def slots(self, links: Succession, starts: np.ndarray) -> npt.NDArray[np.int64]:
        """Returns the slots of windows, int64, (len(starts), burn_in + length), -1 where there is no item."""
        ahead = walk(links.following, starts, self.lead + self.length)
        if not self.pad_start or not self.burn_in:
            return ahead
        before = walk(links.preceding, starts, self.burn_in + 1)[:, :0:-1]
        return np.concatenate((before, ahead), axis=1)

    def firsts(self, links: Succession, starts: np.ndarray) -> npt.NDArray[np.int64]:
        """Returns the first learned item of windows."""
        return walk(links.following, starts, self.lead + 1)[:, -1] if self.lead else starts

    def covering(self, links: Succession, slots: np.ndarray, marks: np.ndarray) -> npt.NDArray[np.int64]:
        """Returns the items that name a window in which one of the distinct ``slots`` is learned.

        With repeats, and not all of these need be legal starts. ``marks`` is memory by slot, bool, all False.
        """
        # Of neighbours only the first reaches back to items that the others do not.
        marks[slots] = True
        before = links.preceding[slots]
        heads = slots[(before < 0) | ~marks[before]]
        marks[slots] = False
        reached = walk(links.preceding, heads, self.length)[:, 1:].reshape(-1)
        firsts = np.concatenate((slots, reached[reached >= 0]))
        names = walk(links.preceding, firsts, self.lead + 1)[:, -1] if self.lead else firsts
        return names[names >= 0]

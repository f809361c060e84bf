"""Which item of a full store gives way."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from ding_buffer.structures.ring_index import RingIndex


class Retirement(ABC):
    """Lets items go for newer ones: they count as evicted, and layers hear that they were deleted.

    That is how whatever is not the oldest leaves, since it may lie anywhere in the order.
    """

    ring: RingIndex
    victim = -1
    """The slot that gives way to the next item of a full store; -1: that of the oldest."""
    retiring = False
    """Whether what ``on_deleted`` is told of gave way to newer items, as what is evicted does."""

    @abstractmethod
    def remove(self, slots: np.ndarray) -> None:
        """Removes the items of distinct live slots, at least one, without counting them."""

    def retire(self, slots: np.ndarray) -> None:
        """Lets the items of slots go, as far as they are there."""
        slots = slots[self.ring.serials_of(slots) >= 0]
        if len(slots):
            self._retire(slots)

    def retire_victim(self) -> bool:
        """Lets the chosen one of a full store go, once; returns whether there was one."""
        slot, self.victim = self.victim, -1
        if slot >= 0:
            self._retire(np.array([slot]))
        return slot >= 0

    def _retire(self, slots: np.ndarray) -> None:
        self.retiring = True
        try:
            self.remove(slots)
        finally:
            self.retiring = False

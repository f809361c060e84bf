"""How often each item was used, kept by slot."""

from __future__ import annotations

import numpy as np

from ding_buffer.kernels.chosen import count_up


class SlotUses:
    """Counts the uses of items, of which each has a serial of its own and lies in one of ``capacity`` slots.

    Whose count a slot holds is remembered with it. So nobody needs to tell when a slot gets another item: its
    count begins anew when it is first used.
    """

    __slots__ = ("_owners", "_uses")

    def __init__(self, capacity: int) -> None:
        self._owners = np.full(capacity, -1, dtype=np.int64)
        self._uses = np.zeros(capacity, dtype=np.int64)

    def add(self, slots: np.ndarray, serials: np.ndarray) -> np.ndarray:
        """Counts a use of each, twice of one named twice; returns the counts it came to, int64."""
        new = self._owners.take(slots) != serials
        if new.any():
            where = slots[new]
            self._uses[where] = 0
            self._owners[where] = serials[new]
        count_up(self._uses, slots)
        return self._uses.take(slots)

    def of(self, slots: np.ndarray, serials: np.ndarray) -> np.ndarray:
        """Returns the counts of these items, int64."""
        return np.where(self._owners.take(slots) == serials, self._uses.take(slots), 0)

    def replace(self, slots: np.ndarray, serials: np.ndarray, uses: np.ndarray) -> None:
        """Forgets all and takes these counts."""
        self.forget()
        self._owners[slots] = serials
        self._uses[slots] = uses

    def forget(self) -> None:
        """Lets every item begin anew."""
        self._owners[:] = -1

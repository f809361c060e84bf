"""Serial numbers that are computed when somebody wants them."""

from __future__ import annotations

import numpy as np

from ding_buffer.structures.consecutive_slots import SlotRuns


class LaterSerials:
    """What lay in some slots of a dense ring at one moment: ``first`` the oldest serial, ``base`` in slot 0.

    Calling it gives the serials, whatever has become of the ring since.
    """

    __slots__ = ("base", "capacity", "first", "slots")

    def __init__(self, slots: np.ndarray | SlotRuns, first: int, base: int, capacity: int) -> None:
        self.slots, self.first, self.base, self.capacity = slots, first, base, capacity

    def __len__(self) -> int:
        return len(self.slots)

    def __call__(self) -> np.ndarray:
        """Returns the serials, int64."""
        serials: np.ndarray = self.first + (np.asarray(self.slots) - (self.first - self.base)) % self.capacity
        return serials

"""Which item lies in which slot, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ding_buffer.structures.slot_log import SlotLog


class RingIndex:
    """First-in-first-out order over ``capacity`` slots, with removals anywhere.

    Items carry consecutive serial numbers. While nothing was removed from the middle, where a serial lies is
    arithmetic; the first such removal brings a ``SlotLog`` into being, which stays until the index is empty.
    A slot never moves while its item lives, so whoever keeps something by slot need not follow. Everything is
    O(1) amortised, but a position or a serial with a log: O(log capacity).
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.next = 0
        """Serial of the next item."""
        self.clear()

    def clear(self) -> None:
        """Forgets every item; serial numbers go on."""
        self.count = 0
        self._first = self._base = (
            self.next
        )  # without a log: the oldest serial, and the one that lies in slot 0
        self._log: SlotLog | None = None

    def push(self) -> int:
        """Returns the slot for the next item; there must be room."""
        serial = self.next
        self.next = serial + 1
        self.count += 1
        if self._log is None:
            return (serial - self._base) % self.capacity
        return self._log.push(serial)

    def advance(self) -> int:
        """Returns the slot for the next item; without room that of the oldest, which is forgotten."""
        if self._log is None:
            serial = self.next
            self.next = serial + 1
            if self.count < self.capacity:
                self.count += 1
            else:
                self._first += 1
            return (serial - self._base) % self.capacity
        if self.count == self.capacity:
            self.pop_oldest()
        return self.push()

    def pop_oldest(self) -> int:
        """Forgets the oldest item and returns its slot; there must be one."""
        slot = self.slot_at(0)
        self.count -= 1
        if not self.count:
            self.clear()
        elif self._log is None:
            self._first += 1
        else:
            self._log.pop_oldest()
        return slot

    def remove(self, slots: np.ndarray) -> None:
        """Forgets the items of distinct live slots."""
        if len(slots) == self.count:
            self.clear()
            return
        if self._log is None:
            newest = int(self.serials_of(slots).max())
            if newest - self._first + 1 == len(slots):  # exactly the oldest ones: arithmetic still holds
                self._first = newest + 1
                self.count -= len(slots)
                return
            self._log = self._make_log()
        self.count -= len(slots)
        self._log.remove(slots)
        self._log.tidy(self.count)

    def _make_log(self) -> SlotLog:
        slots = self.live()
        fresh = min(self.next - self._base, self.capacity)
        used = np.zeros(fresh, dtype=bool)
        used[slots] = True
        return SlotLog(
            self.capacity,
            np.arange(self._first, self.next),
            slots,
            np.flatnonzero(~used)[::-1].tolist(),
            fresh,
        )

    def live(self) -> np.ndarray:
        """Returns every live slot, oldest first."""
        return self._slots(np.arange(self._first, self.next)) if self._log is None else self._log.live()

    def _slots(self, serials: np.ndarray) -> np.ndarray:
        return (serials - self._base) % self.capacity

    def slot_of(self, serial: int) -> int:
        """Returns the slot of one serial, -1 where its item is gone."""
        if self._log is not None:
            return int(self._log.slots_of(np.array([serial]))[0])
        return (serial - self._base) % self.capacity if self._first <= serial < self.next else -1

    def slots_of(self, serials: np.ndarray) -> np.ndarray:
        """Returns the slots of many serials, -1 where the item is gone."""
        if self._log is not None:
            return self._log.slots_of(serials)
        return np.where((serials >= self._first) & (serials < self.next), self._slots(serials), -1)

    def serial_of(self, slot: int) -> int:
        """Returns the serial of one slot, -1 for a free one."""
        if self._log is not None:
            return int(self._log.serials_of(np.array([slot]))[0])
        serial = self._first + (slot - (self._first - self._base)) % self.capacity
        return serial if serial < self.next else -1

    def serials_of(self, slots: np.ndarray) -> np.ndarray:
        """Returns the serials of slots, -1 for a free one; a smaller serial is an older item."""
        if self._log is not None:
            return self._log.serials_of(slots)
        serials = self._first + (slots - (self._first - self._base)) % self.capacity
        return np.where(serials < self.next, serials, -1)

    def slots_at(self, positions: np.ndarray) -> np.ndarray:
        """Returns the slots at positions counted from the oldest, each in ``[0, count)``."""
        return (
            self._slots(positions + self._first)
            if self._log is None
            else self._log.slots_at(positions, self.count)
        )

    def slot_at(self, position: int) -> int:
        """Returns the slot at one position counted from the oldest."""
        if self._log is None:
            return (position + self._first - self._base) % self.capacity
        return self._log.slot_at(position, self.count)

    def position_of(self, slot: int) -> int:
        """Returns the position from the oldest of a live slot."""
        if self._log is None:
            return (slot - (self._first - self._base)) % self.capacity
        return self._log.position_of(slot)

    def serials_between(self, start: int, stop: int) -> tuple[int, int]:
        """Returns the serials ``[low, high)`` that enclose exactly the positions ``[start, stop)``."""
        low, high = self.serials_of(self.slots_at(np.array([start, stop - 1]))).tolist()
        return low, high + 1

    def state_dict(self) -> dict[str, Any]:
        """Returns which serial lies in which slot, oldest first, and which slots come next."""
        slots = self.live()
        state = {
            "capacity": self.capacity,
            "next": self.next,
            "serials": self.serials_of(slots),
            "slots": slots,
            "base": self._base,
        }
        if self._log is not None:
            state |= {"free": np.array(self._log.free, dtype=np.int64), "fresh": self._log.fresh}
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes the order back, slots included; only for the same capacity.

        Raises ``ValueError`` where it does not fit together.
        """
        serials, slots = (
            np.asarray(state["serials"], dtype=np.int64),
            np.asarray(state["slots"], dtype=np.int64),
        )
        self._check(serials, slots, int(state["next"]))
        free = state.get("free")
        if free is None:
            base, following = int(state["base"]), int(state["next"])
            expected = (np.arange(following - len(slots), following) - base) % self.capacity
            if not (
                base <= following - len(slots)
                and np.array_equal(expected, slots)
                and np.array_equal(np.arange(following - len(slots), following), serials)
            ):
                raise ValueError("slots and serial numbers do not match")
            self.next = following
            self.clear()
            self._base, self._first, self.count = base, following - len(slots), len(slots)
            return
        free, fresh = [int(slot) for slot in free], int(state["fresh"])
        if not len(serials):
            raise ValueError("an index that holds nothing has no slots to keep free")
        if sorted([*free, *slots.tolist()]) != list(range(fresh)) or fresh > self.capacity:
            raise ValueError("free and used slots do not add up")
        self.next = int(state["next"])
        self.clear()
        self.count = len(slots)
        self._first = int(serials[0])
        self._log = SlotLog(self.capacity, serials, slots, free, fresh)

    def restart(self, serials: np.ndarray, following: int) -> None:
        """Takes ascending ``serials`` into slots 0, 1, 2, ....

        At most ``capacity`` of them, all below ``following``.
        """
        slots = np.arange(len(serials))
        self._check(serials, slots, following)
        self.next = following
        self.clear()
        self.count = len(serials)
        if self.count and following - serials[0] == self.count:
            self._first = self._base = int(serials[0])
        elif self.count:
            self._log = SlotLog(self.capacity, serials, slots, [], self.count)

    def _check(self, serials: np.ndarray, slots: np.ndarray, following: int) -> None:
        if not len(serials) == len(slots) <= self.capacity:
            raise ValueError(
                f"{len(serials)} serial numbers and {len(slots)} slots for a capacity of {self.capacity}"
            )
        if following < 0:
            raise ValueError(f"{following} cannot be the next serial number")
        if len(slots) and not (
            0 <= slots.min() and slots.max() < self.capacity and len(np.unique(slots)) == len(slots)
        ):
            raise ValueError("slots are not distinct or lie outside the capacity")
        if len(serials) and not (
            serials[0] >= 0 and (np.diff(serials) > 0).all() and serials[-1] < following
        ):
            raise ValueError("serial numbers are not ascending")

    def check(self) -> None:
        """Raises ``ValueError`` if what the index knows does not fit together; for tests."""
        slots = self.live()
        self._check(self.serials_of(slots), slots, self.next)
        positions = np.arange(self.count)
        if not (len(slots) == self.count and np.array_equal(self.slots_at(positions), slots)):
            raise ValueError("positions and slots do not match")
        if not np.array_equal(self.slots_of(self.serials_of(slots)), slots):
            raise ValueError("serial numbers and slots do not match")
        if [self.position_of(int(slot)) for slot in slots] != positions.tolist():
            raise ValueError("slots and positions do not match")

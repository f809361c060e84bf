"""Which item lies in which slot, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ding_buffer.kernels.chosen import RingCounter, all_below
from ding_buffer.structures.consecutive_slots import SlotRuns
from ding_buffer.structures.later_serials import LaterSerials
from ding_buffer.structures.slot_log import SlotLog


class RingIndex(RingCounter):
    """First-in-first-out order over ``capacity`` slots, with removals anywhere.

    Items carry consecutive serial numbers. While nothing was removed from the middle, where a serial lies is
    arithmetic; the first such removal brings a ``SlotLog`` into being, which stays until the index is empty.
    A slot never moves while its item lives, so whoever keeps something by slot need not follow. Everything is
    O(1) amortised, but a position or a serial with a log: O(log capacity).

    A change may be broken off anywhere, by a signal: numbers that belong together are written in one
    statement, and the log before those that count it, so that ``mend`` can tell what is there.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._log: SlotLog | None = None

    def clear(self) -> None:
        """Forgets every item; serial numbers go on."""
        begin = self.next
        self.count, self.first, self.base, self._log, self.dense = 0, begin, begin, None, True

    def _keep(self, log: SlotLog) -> None:
        self._log, self.dense = log, False

    def mend(self, limit: int) -> None:
        """Puts itself right after a change that was broken off; forgets all from serial ``limit`` on."""
        log = self._log
        if log is None:
            following = min(self.next, limit)
            held = max(0, following - self.first)
            self.next, self.count = following, held
        else:
            log.mend(limit)
            held = len(log.live())
            self.next, self.count, self.dense = min(self.next, limit), held, False
        if not held:
            self.clear()

    def push(self) -> int:
        """Returns the slot for the next item; there must be room."""
        serial = self.next
        slot = (serial - self.base) % self.capacity if self._log is None else self._log.push(serial)
        self.next, self.count = serial + 1, self.count + 1
        return slot

    def advance(self) -> int:
        """Returns the slot for the next item; without room that of the oldest, which is forgotten."""
        if self.dense:
            return RingCounter.advance(self)  # faster than super()
        if self.count == self.capacity:
            self.pop_oldest()
        return self.push()

    def push_many(self, count: int, freed: np.ndarray | None = None) -> np.ndarray:
        """Returns the slots for the next ``count`` items, int64; there must be room.

        ``freed``: what ``pop_oldest_many`` has just returned. It is returned itself where it is the answer.
        """
        if self._log is not None:
            slots = self._log.push_many(np.arange(self.next, self.next + count))
        elif freed is not None and self.count and len(freed) == count == self.capacity - self.count:
            slots = freed  # the ring was full, and goes on as it was
        else:
            slots = self._run(self.next, count)
        self.next, self.count = self.next + count, self.count + count
        return slots

    def _run(self, serial: int, count: int) -> np.ndarray:
        """Returns the slots of so many consecutive serials, where they are arithmetic."""
        capacity = self.capacity
        begin = (serial - self.base) % capacity
        slots = np.arange(begin, begin + count)
        if begin + count > capacity:
            slots[capacity - begin :] -= capacity
        return slots

    def newest(self, count: int) -> np.ndarray:
        """Returns the slots of so many of the newest items, oldest first; slots must be arithmetic."""
        return self._run(self.next - count, count)

    def pop_oldest_many(self, count: int) -> np.ndarray:
        """Forgets the ``count`` oldest items and returns their slots, int64; there must be as many."""
        if self.dense and count < self.count:
            slots = self._run(self.first, count)
            self.first, self.count = self.first + count, self.count - count
            return slots
        slots = self._log.oldest_many(count) if self._log is not None else self.slots_at(np.arange(count))
        self.remove(slots[::-1])  # so that the slot of the oldest is used first
        return slots

    def pop_oldest(self) -> int:
        """Forgets the oldest item and returns its slot; there must be one."""
        slot = self.slot_at(0)
        if self.count == 1:
            self.clear()
        elif self._log is None:
            self.first, self.count = self.first + 1, self.count - 1
        else:
            self._log.pop_oldest()
            self.count -= 1
        return slot

    def remove(self, slots: np.ndarray) -> None:
        """Forgets the items of distinct live slots."""
        if len(slots) == self.count:
            self.clear()
            return
        log = self._log
        if log is None:
            newest = int(self.serials_of(slots).max())
            if newest - self.first + 1 == len(slots):  # exactly the oldest ones: arithmetic still holds
                self.first, self.count = newest + 1, self.count - len(slots)
                return
            log = self._make_log()
            self._keep(log)
        log.remove(slots)
        self.count -= len(slots)
        log.tidy(self.count)

    def _make_log(self) -> SlotLog:
        slots = self.live()
        fresh = min(self.next - self.base, self.capacity)
        used = np.zeros(fresh, dtype=bool)
        used[slots] = True
        return SlotLog(
            self.capacity,
            np.arange(self.first, self.next),
            slots,
            np.flatnonzero(~used)[::-1],
            fresh,
        )

    def live(self) -> np.ndarray:
        """Returns every live slot, oldest first."""
        return self._slots(np.arange(self.first, self.next)) if self._log is None else self._log.live()

    def order(self) -> np.ndarray | SlotRuns:
        """Returns what ``live`` returns, in as few numbers as it takes."""
        if self._log is not None:
            return self._log.live()
        begin = (self.first - self.base) % self.capacity
        end = begin + self.count
        runs = [slice(begin, min(end, self.capacity)), slice(0, end - self.capacity)]
        return SlotRuns([run for run in runs if run.start < run.stop])

    def _slots(self, serials: np.ndarray) -> np.ndarray:
        return (serials - self.base) % self.capacity

    def slot_of(self, serial: int) -> int:
        """Returns the slot of one serial, -1 where its item is gone."""
        if self._log is not None:
            return int(self._log.slots_of(np.array([serial]))[0])
        return (serial - self.base) % self.capacity if self.first <= serial < self.next else -1

    def slots_of(self, serials: np.ndarray) -> np.ndarray:
        """Returns the slots of many serials, -1 where the item is gone."""
        if self._log is not None:
            return self._log.slots_of(serials)
        return np.where((serials >= self.first) & (serials < self.next), self._slots(serials), -1)

    def serial_of(self, slot: int) -> int:
        """Returns the serial of one slot, -1 for a free one."""
        if self._log is not None:
            return int(self._log.serials_of(np.array([slot]))[0])
        serial = self.first + (slot - (self.first - self.base)) % self.capacity
        return serial if serial < self.next else -1

    def serials_of(self, slots: np.ndarray) -> np.ndarray:
        """Returns the serials of slots, -1 for a free one; a smaller serial is an older item."""
        if self._log is not None:
            return self._log.serials_of(slots)
        serials = LaterSerials(slots, self.first, self.base, self.capacity)()
        return np.where(serials < self.next, serials, -1)

    def serials_later(self, slots: np.ndarray | SlotRuns) -> np.ndarray | LaterSerials:
        """Returns the serials of live slots, or what computes them; later changes do not matter to it."""
        if self._log is not None:
            return self._log.serials_of(np.asarray(slots))
        return LaterSerials(slots, self.first, self.base, self.capacity)

    def holds_still(self, earlier: LaterSerials) -> bool:
        """Tells, where it can without looking at each, that what lay in those slots lies there still."""
        return self.dense and self.first == earlier.first and self.base == earlier.base

    def are_live(self, slots: np.ndarray) -> bool:
        """Tells, where it can without looking at each, that all slots (int64) hold an item."""
        if not self.dense or (self.first != self.base and self.count < self.capacity):
            return False
        return all_below(slots, self.count)

    def slots_at(self, positions: np.ndarray) -> np.ndarray:
        """Returns the slots at positions counted from the oldest, each in ``[0, count)``."""
        if self._log is not None:
            return self._log.slots_at(positions, self.count)
        offset = (self.first - self.base) % self.capacity
        if not offset:
            return positions
        slots = positions + offset
        # Cheaper than a division.
        np.subtract(slots, self.capacity, out=slots, where=slots >= self.capacity)
        return slots

    def slots_drawn(self, draws: np.ndarray) -> np.ndarray:
        """Returns the slots for draws in ``[0, count)``, each of which stands for one item, whichever."""
        # With a log positions cost a search; where all slots are taken they are as good.
        return draws if self.count == self.capacity and not self.dense else self.slots_at(draws)

    def slot_at(self, position: int) -> int:
        """Returns the slot at one position counted from the oldest."""
        if self._log is None:
            return (position + self.first - self.base) % self.capacity
        return self._log.slot_at(position, self.count)

    def position_of(self, slot: int) -> int:
        """Returns the position from the oldest of a live slot."""
        if self._log is None:
            return (slot - (self.first - self.base)) % self.capacity
        return self._log.position_of(slot)

    def serials_between(self, start: int, stop: int) -> tuple[int, int]:
        """Returns the serials ``[low, high)`` that enclose exactly the positions ``[start, stop)``."""
        low, high = self.serials_of(self.slots_at(np.array([start, stop - 1]))).tolist()
        return low, high + 1

    def state_dict(self) -> dict[str, Any]:
        """Returns which serial lies in which slot, oldest first, and which slots come next."""
        state: dict[str, Any] = {"capacity": self.capacity, "next": self.next}
        if self._log is None:
            return state | {"first": self.first, "base": self.base}
        slots = self.live()
        return state | {
            "serials": self.serials_of(slots),
            "slots": slots,
            "free": self._log.free,
            "fresh": self._log.fresh,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes the order back, slots included; only for the same capacity.

        Raises ``ValueError`` where it does not fit together.
        """
        serials, following = serials_in(state), int(state["next"])
        if isinstance(serials, range):
            self._take(serials, int(state["base"]))
            return
        slots = np.asarray(state["slots"], dtype=np.int64)
        self._check(serials, slots, following)
        free, fresh = np.asarray(state["free"], dtype=np.int64), int(state["fresh"])
        if not len(serials):
            raise ValueError("an index that holds nothing has no slots to keep free")
        if fresh > self.capacity or not np.array_equal(np.sort(np.append(free, slots)), np.arange(fresh)):
            raise ValueError("free and used slots do not add up")
        self.next = following
        self.clear()
        self.count = len(slots)
        self.first = int(serials[0])
        self._keep(SlotLog(self.capacity, serials, slots, free, fresh))

    def _take(self, serials: range, base: int) -> None:
        if not 0 <= base <= serials.start or len(serials) > self.capacity:
            raise ValueError(f"{len(serials)} items with slot 0 at serial {base} do not fit")
        self.next = serials.stop
        self.clear()
        self.base, self.first, self.count = base, serials.start, len(serials)

    def restart(self, serials: np.ndarray | range, following: int) -> None:
        """Takes ascending ``serials`` into slots 0, 1, 2, ....

        At most ``capacity`` of them, all below ``following``; a range ends there.
        """
        if isinstance(serials, range):
            self._take(serials, serials.start)
            return
        slots = np.arange(len(serials))
        self._check(serials, slots, following)
        self.next = following
        self.clear()
        self.count = len(serials)
        if self.count and following - serials[0] == self.count:
            self.first = self.base = int(serials[0])
        elif self.count:
            self._keep(SlotLog(self.capacity, serials, slots, slots[:0], self.count))

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


def serials_in(state: Mapping[str, Any]) -> np.ndarray | range:
    """Returns the serials of the items of a ``RingIndex`` state, oldest first.

    A range of all up to the next where none is missing, otherwise int64.
    """
    if "first" not in state:
        return np.asarray(state["serials"], dtype=np.int64)
    first, following = int(state["first"]), int(state["next"])
    if not 0 <= first <= following < 2**63:
        raise ValueError(f"the oldest serial {first} and the next {following} are in no order")
    return range(first, following)

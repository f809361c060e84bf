"""Order of items after some were removed from the middle."""

from __future__ import annotations

import numpy as np

from ding_buffer.structures.fenwick import Fenwick

_SLACK = 64


class SlotLog:
    """A log of (serial, slot) in ascending order of serial, in which a removed item leaves a hole.

    ``free`` are the slots to use next, last first; then come those from ``fresh`` on, which were never used.
    Packed, which costs the number of items, when the log is at its end or holds more holes than items:
    amortised O(1) a push or removal.

    Of a change that is broken off, everything follows from the log itself: an item is there from when ``end``
    lies behind it until its slot is a hole. See ``mend``.
    """

    def __init__(
        self, capacity: int, serials: np.ndarray, slots: np.ndarray, free: list[int], fresh: int
    ) -> None:
        self.free = free
        self.fresh = fresh
        self._where = np.zeros(
            capacity, dtype=np.int64
        )  # slot -> place in the log; means something only for live slots
        self._pack(np.asarray(serials, dtype=np.int64), np.asarray(slots, dtype=np.int64))

    def _pack(self, serials: np.ndarray, slots: np.ndarray, more: int = 0) -> None:
        count = len(slots)
        room = 2 * count + _SLACK + more
        log = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
        for column, values in zip(log, (slots, serials), strict=True):
            column[:count] = values
        # Counts every place that is no hole, those not written yet included, so that a push need not touch
        # it.
        solid = Fenwick(room)
        solid.rebuild(np.ones(room, dtype=np.int8))
        # Only [start, end) means anything; passed: solid places before start, which are evicted items.
        self._slots, self._serials, self._start, self._end, self._solid, self._passed = (
            *log,
            0,
            count,
            solid,
            0,
        )
        self._where[slots] = np.arange(count)

    def push(self, serial: int) -> int:
        """Appends an item and returns the slot it was given."""
        if self._end == len(self._slots):
            self._repack()
        if self.free:
            slot = self.free.pop()
        else:
            slot = self.fresh
            self.fresh += 1
        end = self._end
        self._slots[end] = slot
        self._serials[end] = serial
        self._where[slot] = end
        self._end = end + 1
        return slot

    def push_many(self, serials: np.ndarray) -> np.ndarray:
        """Appends items and returns the slots they were given, int64, as so many calls of ``push`` would."""
        count = len(serials)
        if self._end + count > len(self._slots):
            self._repack(count)
        used = min(count, len(self.free))
        slots = np.empty(count, dtype=np.int64)
        if used:
            slots[:used] = self.free[: -used - 1 : -1]
            del self.free[-used:]
        slots[used:] = np.arange(self.fresh, self.fresh + count - used)
        self.fresh += count - used
        places = slice(self._end, self._end + count)
        self._slots[places] = slots
        self._serials[places] = serials
        self._where[slots] = np.arange(self._end, self._end + count)
        self._end += count
        return slots

    def oldest(self) -> int:
        """Returns the slot of the oldest item."""
        return int(self._slots[self._start])

    def pop_oldest(self) -> None:
        """Forgets the oldest item."""
        self.free.append(self.oldest())
        self._slots[self._start] = -1
        self._start += 1
        self._passed += 1
        self._skip_holes()

    def remove(self, slots: np.ndarray) -> None:
        """Forgets the items of distinct live slots; at least one item must remain."""
        places = self._where[slots]
        self._slots[places] = -1
        if len(places) == 1:
            self._solid.add(int(places[0]), -1)
        else:
            self._solid.add_many(places, -1)
        self.free.extend(slots.tolist())
        self._skip_holes()

    def _skip_holes(self) -> None:
        slots, start, end = self._slots, self._start, self._end
        width = 1
        while start < end and slots[start] < 0:
            # Mostly there is none or one; of a long run of them ever more are looked at together.
            solid = np.flatnonzero(slots[start : min(start + width, end)] >= 0)
            start = start + int(solid[0]) if len(solid) else min(start + width, end)
            width *= 4
        self._start = start

    def mend(self, limit: int) -> None:
        """Puts itself right after a change that was broken off; forgets all from serial ``limit`` on.

        Free slots are used lowest first from then on.
        """
        serials, slots = self._serials[self._start : self._end], self._slots[self._start : self._end]
        kept = (slots >= 0) & (serials < limit)
        serials, slots = serials[kept], slots[kept]
        self._pack(serials, slots)
        free = np.ones(self.fresh, dtype=bool)
        free[slots] = False
        self.free = np.flatnonzero(free)[::-1].tolist()

    def tidy(self, count: int) -> None:
        """Packs the log if more than half of it is holes."""
        if self._end - self._start > 2 * count + _SLACK:
            self._repack()

    def _repack(self, more: int = 0) -> None:
        serials, slots = self._serials[self._start : self._end], self._slots[self._start : self._end]
        solid = slots >= 0
        self._pack(serials[solid], slots[solid], more)

    def live(self) -> np.ndarray:
        """Returns every live slot, oldest first."""
        slots = self._slots[self._start : self._end]
        live: np.ndarray = slots[slots >= 0]
        return live

    def slots_of(self, serials: np.ndarray) -> np.ndarray:
        """Returns the slots of serials, -1 where the item is gone."""
        places = np.searchsorted(self._serials[: self._end], serials)
        places = np.minimum(places, self._end - 1)
        slots: np.ndarray = np.where(self._serials[places] == serials, self._slots[places], -1)
        return slots

    def serials_of(self, slots: np.ndarray) -> np.ndarray:
        """Returns the serials of slots, -1 for a free one."""
        places = self._where[slots]
        # A free slot's place may be from before the log was packed: beyond its end now.
        places = np.where(places < self._end, places, self._start)
        return np.where(self._slots[places] == slots, self._serials[places], -1)

    def _holes(self, count: int) -> bool:
        return self._end - self._start != count

    def slots_at(self, positions: np.ndarray, count: int) -> np.ndarray:
        """Returns the slots at positions counted from the oldest of ``count``."""
        if self._holes(count):
            places = self._solid.select_many(positions + self._passed)
        else:
            places = positions + self._start
        slots: np.ndarray = self._slots[places]
        return slots

    def slot_at(self, position: int, count: int) -> int:
        """Returns the slot at one position counted from the oldest of ``count``."""
        place = self._solid.select(position + self._passed) if self._holes(count) else position + self._start
        return int(self._slots[place])

    def position_of(self, slot: int) -> int:
        """Returns the position from the oldest of a live slot."""
        return int(self._solid.prefix(int(self._where[slot]))) - self._passed

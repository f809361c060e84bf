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
        self, capacity: int, serials: np.ndarray, slots: np.ndarray, free: np.ndarray, fresh: int
    ) -> None:
        self._free = np.zeros(capacity, dtype=np.int64)  # those to use next at the end
        self._freed = 0
        self._let_go(free)
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

    @property
    def free(self) -> np.ndarray:
        """The slots to use next, last first, int64; a copy."""
        free: np.ndarray = self._free[: self._freed].copy()
        return free

    def _let_go(self, slots: np.ndarray) -> None:
        end = self._freed + len(slots)
        self._free[self._freed : end] = slots
        self._freed = end

    def push(self, serial: int) -> int:
        """Appends an item and returns the slot it was given."""
        if self._end == len(self._slots):
            self._repack()
        if self._freed:
            self._freed -= 1
            slot = self._free.item(self._freed)
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
        used = min(count, self._freed)
        slots: np.ndarray = self._free[self._freed - used : self._freed][::-1].copy()
        self._freed -= used
        if used < count:
            slots = np.concatenate((slots, np.arange(self.fresh, self.fresh + count - used)))
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

    def oldest_many(self, count: int) -> np.ndarray:
        """Returns the slots of the ``count`` oldest items, int64; there must be as many."""
        end = self._start + count
        slots = self._solid_before(end)
        while len(slots) < count:  # there are holes
            end = min(end + max(end - self._start, _SLACK), self._end)
            slots = self._solid_before(end)
        return slots[:count]

    def _solid_before(self, end: int) -> np.ndarray:
        slots = self._slots[self._start : end]
        solid: np.ndarray = slots[slots >= 0]
        return solid

    def pop_oldest(self) -> None:
        """Forgets the oldest item."""
        self._free[self._freed] = self._slots[self._start]
        self._freed += 1
        self._slots[self._start] = -1
        self._start += 1
        self._passed += 1
        self._skip_holes()

    def remove(self, slots: np.ndarray) -> None:
        """Forgets the items of distinct live slots; at least one item must remain."""
        if len(slots) == 1:
            self._remove_one(int(slots[0]))
            return
        places = self._where[slots]
        self._slots[places] = -1
        self._let_go(slots)
        self._skip_holes(len(places))
        # Mostly old ones go, and what is passed by needs no place counted anew.
        ahead = places[places >= self._start]
        self._passed += len(places) - len(ahead)
        if len(ahead):
            self._solid.add_many(ahead, -1)

    def _remove_one(self, slot: int) -> None:
        place = self._where.item(slot)
        self._slots[place] = -1
        self._free[self._freed] = slot
        self._freed += 1
        self._skip_holes()
        if place >= self._start:
            self._solid.add(place, -1)
        else:
            self._passed += 1

    def _skip_holes(self, width: int = 1) -> None:
        slots, start, end = self._slots, self._start, self._end
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
        self._freed = 0
        self._let_go(np.flatnonzero(free)[::-1])

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

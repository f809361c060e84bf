"""Keeps slots in the order of their priorities and finds ranks from slots and slots from ranks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.structures.slot_checks import checked_slots

_WIDTH = 64
_FILL = 48  # Keys in a row just cut: room to take some in before it is cut again.
_SPARSE = 4  # Rows per full row's worth of keys above which all are packed anew.
_PAD = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
_TOP_BITS = np.uint64(0x7FFF_FFFF_FFFF_FFFF)


class RankIndex:
    """The ranks of slots by priority: rank 1 is the highest, equal priorities rank by slot, the lowest first.

    The order is exact and depends on nothing but the priorities held. They are compared by their first 64 - b
    bits after the sign, where b = capacity.bit_length(): at a capacity of a million the exponent and 33
    digits of the mantissa, more than float32 has. Priorities alike that far count as equal.

    Every slot held has one unsigned key, the inverted bits of its priority with the slot in the last b bits,
    so that ascending keys are ascending ranks. The keys lie sorted in rows of at most 64. A call touches the
    rows its slots live in, and one array with an entry per row; packing sparse rows anew costs O(N) after at
    least O(N) changes.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"a rank index needs room for at least one slot, got capacity={capacity}")
        self._capacity = int(capacity)
        bits = self._capacity.bit_length()
        if bits > 40:
            raise ValueError(f"a rank index of capacity {capacity} would leave no room for priorities")
        # One bit more than the slots need: no key is all ones, which pads the rows.
        self._slot_mask = np.uint64((1 << bits) - 1)
        self._priorities = np.zeros(self._capacity)
        self._live = np.zeros(self._capacity, dtype=np.bool_)
        self._reset()

    def _reset(self) -> None:
        # A row holds the keys from its separator up to the next row's; the first separator is 0.
        self._rows = np.full((1, _WIDTH), _PAD)
        self._row_count = 1
        # In the order of the keys: where each row lies in _rows, its separator, and how many keys it holds.
        self._places = np.zeros(1, dtype=np.int64)
        self._separators = np.zeros(1, dtype=np.uint64)
        self._counts = np.zeros(1, dtype=np.int64)
        self._length = 0
        self._ends: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return self._length

    @property
    def capacity(self) -> int:
        """The number of slots there is room for."""
        return self._capacity

    @property
    def live(self) -> npt.NDArray[np.bool_]:
        """Which slots are held: a read-only view, shape (capacity,)."""
        view = self._live[:]
        view.flags.writeable = False
        return view

    def set(self, slots: npt.ArrayLike, priorities: npt.ArrayLike) -> None:
        """Gives each slot its priority, held so far or not; the last priority of a slot named twice stays.

        One priority for all slots is allowed. Raises ValueError for a priority that is negative or not
        finite, and IndexError for a slot out of range; nothing has changed then.
        """
        slots = checked_slots(slots, self._capacity)
        priorities = np.asarray(priorities, dtype=np.float64)
        if priorities.ndim:
            priorities = priorities.reshape(-1)
            if priorities.size != slots.size:
                raise ValueError(f"got {priorities.size} priorities for {slots.size} slots")
        if slots.size == 0:
            return
        self._check_priorities(priorities)
        unique = _sorted_unique(slots)
        gone = self._keys(unique[self._live[unique]])
        try:
            # Adding zero turns a negative zero, whose bits are huge, into a plain one.
            self._priorities[slots] = priorities + 0.0
            self._live[unique] = True
            self._replace(gone, self._keys(unique))
        except BaseException:  # broken off, by Ctrl-C
            self._sort_all()
            raise

    def remove(self, slots: npt.ArrayLike) -> None:
        """Forgets the slots; those not held are passed over. Raises IndexError for a slot out of range."""
        unique = _sorted_unique(checked_slots(slots, self._capacity))
        unique = unique[self._live[unique]]
        if unique.size:
            gone = self._keys(unique)
            try:
                self._live[unique] = False
                self._replace(gone, np.empty(0, dtype=np.uint64))
            except BaseException:
                self._sort_all()
                raise

    def _sort_all(self) -> None:
        self._reset()
        self._replace(np.empty(0, dtype=np.uint64), self._keys(np.flatnonzero(self._live)))

    def clear(self) -> None:
        """Forgets all slots."""
        self._live.fill(False)
        self._reset()

    def priorities(self, slots: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns the priorities of the slots as they were given: float64, a copy.

        Raises KeyError for a slot that is not held.
        """
        return self._priorities.take(self._held(slots), mode="clip")

    def slots_at(self, ranks: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Returns the slot at each rank, counted from 1; raises IndexError for a rank out of [1, len]."""
        ranks = checked_slots(ranks, self._length + 1)
        if ranks.size and not ranks.all():
            raise IndexError("ranks count from 1, got rank 0")
        ends = self._row_ends()
        row = ends.searchsorted(ranks, side="left")
        column = ranks - ends.take(row, mode="clip") + self._counts.take(row, mode="clip") - 1
        keys = self._rows[self._places.take(row, mode="clip"), column]
        slots: npt.NDArray[np.int64] = (keys & self._slot_mask).astype(np.int64)
        return slots

    def ranks(self, slots: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Returns the rank of each slot, counted from 1; raises KeyError for a slot that is not held."""
        keys = self._keys(self._held(slots))
        row = self._row_of(keys)
        rows = self._rows.take(self._places.take(row, mode="clip"), axis=0, mode="clip")
        before = np.add.reduce(rows < keys[:, None], axis=1, dtype=np.int64)
        result: npt.NDArray[np.int64] = self._row_ends()[row] - self._counts[row] + before + 1
        return result

    def check(self) -> None:
        """Raises RuntimeError if the rows are not exactly the keys of the slots held, in order."""
        rows = self._rows[self._places]
        held = rows != _PAD
        if not np.array_equal(held, np.arange(_WIDTH) < self._counts[:, None]):
            raise RuntimeError("a row of the rank index holds another number of keys than was counted")
        keys = np.sort(self._keys(np.flatnonzero(self._live)))
        if not np.array_equal(keys, rows[held]):
            raise RuntimeError("the rows of the rank index disagree with the priorities")
        if not np.array_equal(np.repeat(np.arange(len(rows)), self._counts), self._row_of(keys)):
            raise RuntimeError("a key of the rank index lies in a row it does not belong to")
        if self._length != keys.size:
            raise RuntimeError(f"the rank index holds {keys.size} slots and says {self._length}")

    def state_dict(self) -> dict[str, Any]:
        """Returns the priorities and which slots are held, copied: the order follows from them."""
        return {"priorities": np.where(self._live, self._priorities, 0.0), "live": self._live.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes a state; raises ValueError, unchanged, for a shape or a priority that cannot be."""
        priorities = np.asarray(state["priorities"], dtype=np.float64)
        live = np.asarray(state["live"])
        if priorities.shape != (self._capacity,) or live.shape != (self._capacity,):
            raise ValueError(
                f"expected two arrays of shape ({self._capacity},), got {priorities.shape} and {live.shape}"
            )
        if live.dtype != np.bool_:
            raise ValueError(f"which slots are held must be an array of bool, got {live.dtype}")
        self._check_priorities(priorities)
        self._priorities[:] = priorities + 0.0
        self._live[:] = live
        self._sort_all()

    def _check_priorities(self, priorities: npt.NDArray[np.float64]) -> None:
        # NaN makes the minimum NaN, and every comparison with NaN is false.
        low, high = np.minimum.reduce(priorities, axis=None), np.maximum.reduce(priorities, axis=None)
        if not (low >= 0.0 and high < np.inf):
            wrong = priorities[~((priorities >= 0.0) & (priorities < np.inf))]
            raise ValueError(f"a priority must be finite and not negative, got {wrong.flat[0]}")

    def _held(self, slots: npt.ArrayLike) -> npt.NDArray[np.int64]:
        slots = checked_slots(slots, self._capacity)
        held = self._live.take(slots, mode="clip")
        if not held.all():
            raise KeyError(f"slot {int(slots[~held][0])} has no priority")
        return slots

    def _keys(self, slots: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        """Makes keys of priorities and slots: the bits of a float >= 0 grow with it, inverted they fall."""
        keys: npt.NDArray[np.uint64] = _TOP_BITS - self._priorities.take(slots, mode="clip").view(np.uint64)
        keys <<= np.uint64(1)
        keys &= ~self._slot_mask
        keys |= slots.view(np.uint64)
        return keys

    def _row_of(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        rows: npt.NDArray[np.int64] = self._separators.searchsorted(keys, side="right") - 1
        return rows

    def _row_ends(self) -> npt.NDArray[np.int64]:
        if self._ends is None:
            self._ends = np.add.accumulate(self._counts)
        return self._ends

    def _replace(self, gone: npt.NDArray[np.uint64], come: npt.NDArray[np.uint64]) -> None:
        """Takes keys that are there out and puts keys that are not there (once `gone` is) in."""
        if gone.size + come.size == 0:
            return
        come = np.sort(come)
        gone_rows, come_rows = self._row_of(np.sort(gone)), self._row_of(come)
        touched = _sorted_unique(np.concatenate((gone_rows, come_rows)))
        places = self._places[touched]
        block = self._rows.take(places, axis=0, mode="clip")
        # The rows are sorted and follow each other, so what they hold is sorted as a whole.
        keys = block[block != _PAD]
        keys[keys.searchsorted(gone)] = _PAD
        keys = np.concatenate((keys, come))
        keys.sort()
        keys = keys[: keys.size - gone.size]
        counts = self._counts[touched]
        counts -= np.bincount(touched.searchsorted(gone_rows), minlength=touched.size)
        counts += np.bincount(touched.searchsorted(come_rows), minlength=touched.size)
        self._length += come.size - gone.size
        self._ends = None
        if counts.max() > _WIDTH:
            places, counts = self._cut(touched, places, keys, counts)
            block = np.empty((counts.size, _WIDTH), dtype=np.uint64)
        else:
            self._counts[touched] = counts
        block.fill(_PAD)
        block[np.arange(_WIDTH) < counts[:, None]] = keys
        self._rows[places] = block
        if len(self._places) > _SPARSE * (self._length // _WIDTH + 1):
            self._pack()

    def _cut(
        self,
        touched: npt.NDArray[np.int64],
        places: npt.NDArray[np.int64],
        keys: npt.NDArray[np.uint64],
        counts: npt.NDArray[np.int64],
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Cuts the touched rows that overflow into even pieces; returns places and counts of all pieces."""
        pieces = np.where(counts > _WIDTH, -(-counts // _FILL), 1)
        first = np.add.accumulate(pieces) - pieces
        owner = np.repeat(np.arange(touched.size), pieces)
        order = np.arange(owner.size) - first[owner]
        sizes = counts[owner] // pieces[owner] + (order < counts[owner] % pieces[owner])
        fresh = np.flatnonzero(order)
        self._reserve(self._row_count + fresh.size)
        new_places = np.empty(owner.size, dtype=np.int64)
        new_places[first] = places
        new_places[fresh] = np.arange(self._row_count, self._row_count + fresh.size)
        self._row_count += fresh.size
        starts = np.add.accumulate(sizes) - sizes
        self._counts[touched] = sizes[first]
        behind = touched[owner[fresh]] + 1
        self._places = np.insert(self._places, behind, new_places[fresh])
        self._separators = np.insert(self._separators, behind, keys[starts[fresh]])
        self._counts = np.insert(self._counts, behind, sizes[fresh])
        return new_places, sizes

    def _reserve(self, rows: int) -> None:
        if rows > len(self._rows):
            larger = np.empty((max(rows, 2 * len(self._rows)), _WIDTH), dtype=np.uint64)
            larger[: self._row_count] = self._rows[: self._row_count]
            self._rows = larger

    def _pack(self) -> None:
        rows = self._rows[self._places]
        keys = rows[rows != _PAD]
        self._reset()
        if keys.size:
            self._replace(np.empty(0, dtype=np.uint64), keys)


def _sorted_unique(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    values = np.sort(values)
    fresh = np.empty(values.size, dtype=np.bool_)
    fresh[:1] = True
    np.not_equal(values[1:], values[:-1], out=fresh[1:])
    return values[fresh]

"""Which items of a store may begin a window, kept while items come, go and change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.storages.store import Store
from ding_buffer.storages.stream_reader import StreamReader, Streams
from ding_buffer.structures.legal_starts import LegalStarts


class EpisodeStarts:
    """The ``legal`` starts of a store, found by what ``reader`` reads of its items.

    Call the methods when the store tells of an event of that name.
    """

    def __init__(self, store: Store, reader: StreamReader, need: int, stride: int) -> None:
        self._store = store
        self.reader = reader
        self.legal = LegalStarts(store.capacity, need, stride)
        # What was read when an item came, by slot: an update shows up against it.
        self._streams: list[Any] = [None] * store.capacity
        self._ends = np.zeros(store.capacity, dtype=bool)

    def filled(self, slots: Sequence[int]) -> None:
        """Links new items to what came before them."""
        if len(slots) == 1:
            slot = int(slots[0])
            stream, end = self.reader.read_one(slot)
            self._streams[slot], self._ends[slot] = stream, end
            self.legal.append_one(slot, stream, end)
        elif len(slots):
            many = np.asarray(slots, dtype=np.int64)
            self.legal.append(many, *self._read(many))

    def evicted(self, slots: Sequence[int]) -> None:
        """Takes the oldest out."""
        if len(slots) == 1:
            self.legal.evict(int(slots[0]))
        else:
            self.legal.evict_many(np.asarray(slots, dtype=np.int64))

    def deleted(self, slots: Sequence[int]) -> None:
        """Breaks episodes in two."""
        self.legal.remove(slots)

    def updated(self, slots: Sequence[int]) -> None:
        """Cuts where an item turns out to end its episode, or to be of another stream."""
        many = np.unique(np.asarray(slots, dtype=np.int64))
        streams, ended = [self._streams[slot] for slot in many.tolist()], self._ends[many]
        self._read(many)
        new = [self._streams[slot] for slot in many.tolist()]
        moved = np.array([one != other for one, other in zip(streams, new, strict=True)], dtype=bool)
        ends = self._ends[many] & ~ended
        if moved.any() or ends.any():
            self.legal.sever(many[ends], many[moved], self._store.ring.live())

    def cleared(self) -> None:
        """Forgets everything."""
        self.legal.clear()

    def loaded(self) -> None:
        """Starts anew; no window bridges a place where an item is missing."""
        ring = self._store.ring
        slots = ring.live()
        self.legal.rebuild(slots, ring.serials_of(slots), ring.next, *self._read(slots))

    def _read(self, slots: npt.NDArray[np.int64]) -> tuple[Streams, npt.NDArray[np.bool_]]:
        streams, ends = self.reader.read(slots)
        listed = streams.tolist() if isinstance(streams, np.ndarray) else streams or [None] * len(slots)
        for slot, stream in zip(slots.tolist(), listed, strict=True):
            self._streams[slot] = stream
        self._ends[slots] = ends
        return streams, ends

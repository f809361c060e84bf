"""The heart of a buffer whose items come from several processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ding_buffer.core.errors import Overtaken, UnknownIndex
from ding_buffer.core.item import BufferedData
from ding_buffer.core.lock import FairLock
from ding_buffer.storages.arrival_lock import ArrivalLock
from ding_buffer.storages.bulk import fill_slots
from ding_buffer.storages.shared_storage import SharedStorage
from ding_buffer.storages.store import Store
from ding_buffer.storages.weak_call import WeakCall

_LOOK = 0.002  # seconds between two looks at what others wrote, for one who waits


class SharedStore(Store):
    """Takes in what other processes write, as if it were pushed here, whenever its lock is taken.

    The oldest item gives way as always. What is too old for its writer's share, or was overwritten, goes as
    if it were deleted, since it may be anywhere; it is counted as evicted.
    """

    storage: SharedStorage

    def _begin(self) -> None:
        super()._begin()
        self.storage.retire = WeakCall(self.retire)
        self.at_once = self.storage.most_at_once()

    def _make_lock(self) -> FairLock:
        return ArrivalLock(WeakCall(self.arrive))

    def __len__(self) -> int:
        if not self.lock._is_owned():
            with self.lock:  # lets in what has arrived
                return self.ring.count
        return self.ring.count

    def arrive(self) -> None:
        """Takes in what other processes have written; layers hear of it."""
        storage = self.storage
        news = storage.arrivals()
        if news is None:
            return
        before = self.ring.next
        try:
            metas = storage.arrived_metas(news)
            storage.arriving = True
            surplus = max(0, self.ring.count + len(news.rows) - self.capacity)
            oldest = self.ring.slot_at(surplus) if surplus < self.ring.count else -1
            gone = storage.outlived(news, oldest)
            if len(gone):
                self.retire(gone)
            if len(news.rows):
                fill_slots(
                    self,
                    len(news.rows),
                    metas,
                    lambda slots, rows, here: storage.place(slots, news, rows, here),
                )
            storage.took(news)
        except BaseException:
            # They are not news again: a layer that fails on one of them would do so for ever.
            storage.took(news, len(news.rows) - (self.ring.next - before))
            raise
        finally:
            storage.arriving = False

    def overtaken(self, slots: np.ndarray) -> None:
        """Lets go of items that were overwritten while being read, and of older ones that were too."""
        ring = self.ring
        if ring.dense and len(slots):
            # A writer who deletes nothing overwrites its oldest first. Where all of those go the order stays
            # arithmetic; where only some of them go it never is again.
            places = ring.serials_of(slots) - ring.first
            older = ring.slots_at(np.arange(places.max() + 1))
            gone = self.storage.lost(older)
            gone[places[places >= 0]] = True
            slots = older[gone]
        self.retire(slots)

    def wait_for(self, ready: Callable[[], bool], timeout: float | None = None) -> bool:
        """Waits as ``Store.wait_for`` does, also for what other processes write."""
        deadline = None if timeout is None else time.monotonic() + timeout

        def arrived() -> bool:
            self.arrive()
            return ready()

        while True:
            left = _LOOK if deadline is None else min(_LOOK, deadline - time.monotonic())
            if super().wait_for(arrived, max(0.0, left)):
                return True
            if deadline is not None and time.monotonic() >= deadline:
                return False

    # What comes in is checked first.

    def push(self, data: Any, meta: dict[str, Any] | None) -> BufferedData:
        """Stores one item; the oldest gives way when there is no room."""
        if isinstance(meta, dict):
            self.storage.check_meta(meta)
        return super().push(data, meta)

    def update(self, slots: Sequence[int], data: Sequence[Any] | None, metas: Sequence[Any] | None) -> None:
        """Replaces payloads that this process pushed, and metas of live slots in this process."""
        if data is not None:
            self.storage.check_own([slot for slot, one in zip(slots, data, strict=True) if one is not None])
        super().update(slots, data, metas)

    def update_many(self, slots: np.ndarray, data: Sequence[Any] | None, metas: Mapping[str, Any]) -> None:
        """Does the same for many, single meta keys."""
        if data is not None:
            self.storage.check_own(slots)
        super().update_many(slots, data, metas)

    # Reading.

    def items(self, slots: Sequence[int]) -> list[BufferedData]:
        """Returns copies of the items of slots."""
        try:
            return super().items(slots)
        except Overtaken as overtaken:
            self.overtaken(overtaken.slots)
            raise UnknownIndex(f"An item has left the buffer: {overtaken}") from overtaken

    def held_items(self, slots: Sequence[int]) -> list[BufferedData]:
        """Returns copies of those items of slots that are still there."""
        return [item for slot in slots for item in self._there(slot)]

    def _there(self, slot: int) -> list[BufferedData]:
        try:
            return [self.storage.item(slot)]
        except Overtaken as overtaken:
            self.overtaken(overtaken.slots)
            return []

    def check(self) -> None:
        """Raises ``ValueError`` if order, items and groups disagree; for tests."""
        with self.lock:
            self.held_items(self.live())
            super().check()

    # State and copies.

    def plain(self) -> Store:
        """Returns a store with the same items in this process's own memory, which shares order and groups."""
        storage, gone = self.storage.still(self.ring.live())
        self.overtaken(gone)
        made = Store(self.capacity, storage)
        made.ring, made.text, made.groups = self.ring, self.text, self.groups
        made.rng, made.counts = self.rng, self.counts
        return made

    def state_dict(self, copy: bool = True) -> dict[str, Any]:
        """Returns items, order, groups and generator; any storage of columns can load them."""
        return self.plain().state_dict(copy)

    def load_state_dict(self, state: Mapping[str, Any], announce: bool = True) -> None:
        """Replaces the content of this process; other processes see what is loaded as new items.

        Of more items than a writer's share, the newest are kept.
        """
        self.storage.claim()
        super().load_state_dict(state, announce)

    def __reduce__(self) -> tuple[Any, ...]:
        with self.lock:
            return _copied, (self.plain().__getstate__(),)


def _copied(state: dict[str, Any]) -> Store:
    made = Store.__new__(Store)
    made.__setstate__(state)
    return made

"""The heart that all views of a buffer share.

Items, their order, their groups, one lock, one generator, and who wants to know.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ding_buffer.core.batch import (
    column_values,
    index_texts,
    is_slots,
    meta_rows,
    payloads_of,
)
from ding_buffer.core.errors import BadArgument
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.core.item import BufferedData
from ding_buffer.core.lock import FairLock
from ding_buffer.storages.alteration import Alteration
from ding_buffer.storages.bulk import extend_columns
from ding_buffer.storages.group_value import check_group_value
from ding_buffer.storages.grouping import group_items
from ding_buffer.storages.listeners import Listeners
from ding_buffer.storages.mending import mend
from ding_buffer.storages.quick_pushes import QuickPushes
from ding_buffer.storages.retirement import Retirement
from ding_buffer.storages.sample_range import positions_in
from ding_buffer.storages.storage import Storage
from ding_buffer.storages.store_check import check_store
from ding_buffer.storages.store_state import read_state
from ding_buffer.storages.weak_call import WeakCall
from ding_buffer.structures.group_index import GroupIndex
from ding_buffer.structures.index_text import LAST_DIGITS, PAGE, IndexText
from ding_buffer.structures.ring_index import RingIndex


class Store(Retirement, Alteration):
    """Keeps a storage, the order of its slots, the groups in use and the listening layers in step.

    Every method expects the caller to hold ``lock``. Whatever changes the content goes through here, so a
    layer that listens can keep state by slot that never drifts from the data, whoever made the change and
    through whichever view.
    """

    def __init__(self, capacity: int, storage: Storage, seed: int | None = None) -> None:
        self.capacity = capacity
        self.at_once = capacity
        """How many items the storage can take in one call."""
        self.storage = storage
        self.ring = RingIndex(capacity)
        self.text = IndexText()
        self.groups: dict[str, GroupIndex] = {}
        self.rng = np.random.default_rng(seed)
        # The rest follows from the serials.
        self.counts: Counter[str] = Counter(sampled=0, deleted=0, cleared=0, late_updates=0)
        self._begin()

    def _begin(self) -> None:
        self.lock = self._make_lock()
        self.condition = threading.Condition(self.lock)  # type: ignore[arg-type]
        self._waiting = 0
        self.listeners = Listeners()
        _check_free(self.storage)
        self.storage.bind(self.capacity, WeakCall(self.names))
        self.storage.on_retarget = WeakCall(self._notice)
        self.storage.held = WeakCall(self._count)
        self._put = self.storage.put
        self._page = -1, ""  # a page of serials, and what their indices begin with
        self.quick_pushes = QuickPushes()
        self.lock.heed = WeakCall(self.catch_up)
        self._notice()

    def _count(self) -> int:
        return self.ring.count

    def _make_lock(self) -> FairLock:
        return FairLock()

    def _notice(self) -> None:
        """Notes whom a push concerns beside the storage, at once or later."""
        late = not (self.groups or self._waiting) and self.listeners.late
        self._alone = late and not (self.listeners or self.storage.strict)
        self.lock.news = self.ring if late and self.listeners else None
        self.announcing = self.listeners.count("on_removing") > 0  # before anything of an item has gone
        self.quiet_updates = not (self.groups or self._waiting) and self.listeners.count("on_updated") < 2
        self.quick_pushes.arrange(self, late)

    def __len__(self) -> int:
        return self.ring.count

    def push(self, data: Any, meta: dict[str, Any] | None) -> BufferedData:
        """Stores one item; the oldest gives way when there is no room."""
        if meta is None:
            meta = {}
        elif not isinstance(meta, dict):
            raise BadArgument(f"meta must be a dict, got {type(meta).__name__}.")
        ring = self.ring
        serial = ring.next
        page, begin = self._page
        if page != serial // PAGE:
            begin = self.text.page(serial)
            self._page = serial // PAGE, begin
        text = begin + LAST_DIGITS[serial % PAGE]
        if self._alone and self.victim < 0:
            try:
                return self._put(ring.advance(), data, text, meta)
            except BaseException:
                mend(self, serial)
                raise
        self.check_item(data, meta)
        try:
            if ring.count == self.capacity:
                self._evict()
            slot = ring.push()
            item = self._put(slot, data, text, meta)
            for key, index in self.groups.items():
                index.add(slot, serial, meta.get(key))
            self.tell("on_filled", (slot,))
            return item
        except BaseException:
            mend(self, serial)
            raise

    def extend(self, batch: Any, meta: Any) -> Any:
        """Stores many items at once and returns them; see ``DequeBuffer.extend``.

        What one of them is refused for refuses all.
        """
        if not self.storage.columnar:
            payloads = payloads_of(batch)
            rows = meta_rows(meta, len(payloads))
            for data, row in zip(payloads, rows, strict=True):
                self.check_item(data, row)
            first = self.ring.next
            try:
                return [self.push(data, row) for data, row in zip(payloads, rows, strict=True)]
            except BaseException:
                mend(self, first)
                raise
        return extend_columns(self, batch, meta)

    def check_item(self, data: Any, meta: Mapping[str, Any]) -> None:
        """Raises what ``push`` would raise for an item; changes nothing."""
        for key in self.groups:
            check_group_value(key, meta.get(key))
        if self.storage.strict:
            self.storage.check(data, meta)

    def _evict(self) -> None:
        if self.retire_victim():
            return
        if self.announcing:
            self.tell("on_removing", (self.ring.slot_at(0),))
        slot = self.ring.pop_oldest()
        for index in self.groups.values():
            index.evict(slot)
        self.tell("on_evicted", (slot,))

    def names(self, slots: np.ndarray) -> IndexColumn:
        """Returns the indices of live slots; nothing is computed until somebody looks."""
        return IndexColumn(self.ring.serials_later(slots), self.text)

    def slots_of(self, indices: Any) -> np.ndarray:
        """Returns the slots, int64, of one index or many; -1 where the item is gone or never was.

        Slots pass as they are.
        """
        if isinstance(indices, IndexColumn) and indices.text is self.text:
            later = indices.later
            if later is not None and self.ring.holds_still(later):
                slots: np.ndarray = later.slots
                return slots
            return self.ring.slots_of(indices.serials)
        if is_slots(indices):
            slots = indices.astype(np.int64, copy=False)
            if slots.ndim != 1:
                slots = slots.reshape(-1)
            if self.ring.are_live(slots):
                return slots
            inside = (slots >= 0) & (slots < self.capacity)
            return np.where(inside & (self.ring.serials_of(np.where(inside, slots, 0)) >= 0), slots, -1)
        if isinstance(indices, str):
            return np.array([self.slot_of(indices)], dtype=np.int64)
        if isinstance(indices, IndexColumn):  # of another store, or of this one before it was loaded
            indices = [text or "" for text in indices]
        elif not isinstance(indices, list):
            indices = index_texts(indices)
        try:
            serials = self.text.read(indices)
        except TypeError:
            serials = self.text.read(index_texts(indices))
        return self.ring.slots_of(serials)

    def slot_of(self, index: str) -> int:
        """Returns the slot of one index, -1 where the item is gone or never was."""
        serial = self.text.read_one(index)
        return self.ring.slot_of(serial) if serial >= 0 else -1

    def delete(self, slots: np.ndarray) -> int:
        """Removes the items of live slots, each named once or more; returns how many went."""
        slots = np.unique(slots)
        if len(slots):
            held, counted = self.ring.count, self.counts["deleted"]
            try:
                self.counts["deleted"] = counted + len(slots)
                self.remove(slots)
            except BaseException:
                self.counts["deleted"] = counted + held - self.ring.count
                raise
        return len(slots)

    def remove(self, slots: np.ndarray) -> None:
        """Removes the items of distinct live slots, at least one, without counting them."""
        listed = slots.tolist()
        try:
            if self.announcing:
                self.tell("on_removing", listed)
            if self.groups:
                serials = self.ring.serials_of(slots).tolist()
                for index in self.groups.values():
                    index.remove(listed, serials)
            self.ring.remove(slots)
            self.storage.drop(listed)
            self.tell("on_deleted", listed)
        except BaseException:
            mend(self)
            raise

    def clear(self) -> None:
        """Removes everything; indices handed out stay gone."""
        held, counted = self.ring.count, self.counts["cleared"]
        try:
            if self.announcing:
                self.tell("on_removing", self.ring.live())
            self.counts["cleared"] = counted + held
            self.ring.clear()
            self.storage.clear()
            for index in self.groups.values():
                index.clear()
            self._notice()  # the storage may have other memory from now on
            self.tell("on_cleared")
        except BaseException:
            mend(self)
            self.counts["cleared"] = counted + held - self.ring.count
            raise

    def mended(self, fewer: bool) -> None:
        """Lets everybody look at the store anew; ``fewer``: serials that were given will be given again."""
        if fewer:
            self.text.begin(self.ring.next)
            self._page = -1, ""
        self._notice()
        self.listeners.mended()
        if self._waiting:
            self.condition.notify_all()

    def live(self) -> list[int]:
        """Returns the slots of all items, oldest first."""
        slots: list[int] = self.ring.live().tolist()
        return slots

    def items(self, slots: Sequence[int]) -> list[BufferedData]:
        """Returns the stored items of slots themselves."""
        item = self.storage.item
        return [item(slot) for slot in slots]

    def held_items(self, slots: Sequence[int]) -> list[BufferedData]:
        """Returns the stored items of slots, as far as they are still there."""
        return self.items(slots)

    def grouped(self, key: str) -> GroupIndex:
        """Returns the groups of a meta key, which are kept from the first time they are asked for."""
        index = self.groups.get(key)
        if index is None:
            slots = self.ring.live()
            values = column_values({key: self.storage.metas(slots, key)}, key, len(slots))
            index = self.groups[key] = group_items(key, self.ring, values)
            self._notice()
        return index

    def positions(self, sample_range: Any) -> range:
        """Returns the positions, oldest first, that a ``sample_range`` leaves; see ``positions_in``."""
        return positions_in(len(self), sample_range)

    def slots_in(self, positions: range) -> np.ndarray:
        """Returns the slots at the given positions, in their order."""
        return self.ring.slots_at(np.arange(positions.start, positions.stop, positions.step))

    def state_dict(self, copy: bool = True) -> dict[str, Any]:
        """Returns items, order, groups and generator.

        Payloads of objects are shared, everything else is a copy; with ``copy=False`` rows may show
        the storage's memory.
        """
        return {
            "order": self.ring.state_dict(),
            "index": self.text.state_dict(),
            "storage": self.storage.state_dict(self.ring.order(), copy),
            "groups": {key: index.order() for key, index in self.groups.items()},
            "rng": self.rng.bit_generator.state,
            "counts": dict(self.counts),
        }

    def load_state_dict(self, state: Mapping[str, Any], announce: bool = True) -> None:
        """Replaces the content. Own capacity stays.

        Of more items than fit, the newest are kept and the rest counted as evicted. Raises
        ``CorruptSnapshot`` where the state does not fit together, ``SchemaError`` where the storage does not
        take such items; then nothing has changed. ``announce=False`` says nothing of those that go: they are
        not whole any more, a load was broken off.
        """
        loaded = read_state(state, self.capacity, self.storage, self.groups, self.at_once)
        if announce and self.announcing:
            self.tell("on_removing", self.ring.live())
        self.storage.fill(loaded.ring.order(), loaded.content, loaded.names)
        self.ring, self.text, self.rng = loaded.ring, loaded.text, loaded.rng
        self.groups, self.counts = loaded.groups, loaded.counts
        # New items get a prefix of their own: another store may hold this state too, and hand out the same
        # serials.
        self.text.begin(self.ring.next)
        self._page = -1, ""
        self._notice()
        self.tell("on_loaded")

    def stats(self) -> dict[str, Any]:
        """Returns the counters of everything that came, went or was too late."""
        counts = {
            "pushed": self.ring.next,
            "evicted": self.ring.next - len(self) - self.counts["deleted"] - self.counts["cleared"],
            **self.counts,
        }
        return {"size": len(self), "capacity": self.capacity, **counts, **self.storage.stats()}

    def check(self) -> None:
        """Raises ``ValueError`` if order, items and groups disagree; for tests."""
        check_store(self)

    def __getstate__(self) -> dict[str, Any]:
        """A copy has its own lock, and no layers until a buffer brings them."""
        left_out = (
            *("lock", "condition", "_waiting", "listeners"),
            *("_put", "_page", "_alone", "quick_pushes"),
        )
        return {key: value for key, value in self.__dict__.items() if key not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.text.begin(self.ring.next)
        self._begin()


def _check_free(storage: Storage) -> None:
    """Raises ``BadArgument`` where another store of this process, which still lives, has its items there."""
    held = getattr(storage, "held", None)
    if isinstance(held, WeakCall) and held.lives:
        raise BadArgument(
            f"This {type(storage).__name__} is another buffer's: give each buffer a storage of its own. For "
            f"another buffer on the same items, call view() of the first."
        )

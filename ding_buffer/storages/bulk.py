"""Many items at once into columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from ding_buffer.core.batch import MetaColumns, column_values, meta_columns
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.storages.group_value import check_group_value
from ding_buffer.storages.mending import mend
from ding_buffer.storages.meta_table import meta_array, typed_metas
from ding_buffer.storages.storage import Storage
from ding_buffer.structures.group_index import GroupIndex
from ding_buffer.structures.index_text import IndexText
from ding_buffer.structures.ring_index import RingIndex

Put = Callable[[np.ndarray, slice, MetaColumns], None]


class Keeper(Protocol):
    """What a store is to those who fill it."""

    capacity: int
    at_once: int
    announcing: bool
    ring: RingIndex
    text: IndexText
    groups: dict[str, GroupIndex]

    @property
    def storage(self) -> Storage:
        """Where the items go."""

    def tell(self, event: str, *what: Any) -> None:
        """Tells the layers that follow an event."""

    def mended(self, fewer: bool) -> None:
        """Lets everybody look at the store anew."""


def extend_columns(store: Keeper, batch: Any, meta: Any) -> BufferedBatch:
    """Stores many items in columns, the oldest giving way, and returns them; all of them or none.

    Each comes to lie in the slot that it would have if they were pushed one by one. Layers hear of many at
    once, but of fewer than there are slots.
    """
    storage: Any = store.storage
    columns, count = storage.stacked(batch)
    metas = meta_columns(meta, count)
    for key in store.groups:
        for value in column_values(metas, key, count):
            check_group_value(key, value)
    if storage.shared:
        storage.check_metas(metas)
    if metas:
        metas = typed_metas(metas)
    first = store.ring.next
    parts = fill_slots(
        store, count, metas, lambda slots, rows, here: storage.put_many(slots, columns, rows, here)
    )
    made = BufferedBatch(
        storage.returned(columns),
        parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, dtype=np.int64), *parts]),
        IndexColumn(range(first, first + count), store.text),
        {},
        wrap=storage.wrap,
    )
    for key, (values, there) in metas.items():
        made.meta[key] = meta_array(values)
        if there is not None:
            made.absent[key] = ~there
    return made


def fill_slots(store: Keeper, count: int, metas: MetaColumns, put: Put) -> list[np.ndarray]:
    """Takes in so many new items, the oldest giving way; returns the slots of each part of them.

    ``put`` is given slots, which of the items shall lie in them, and their metas. All of them or none, also
    where it is broken off.
    """
    first = store.ring.next
    try:
        return _fill_slots(store, count, metas, put)
    except BaseException:
        mend(store, first)
        raise


def _fill_slots(store: Keeper, count: int, metas: MetaColumns, put: Put) -> list[np.ndarray]:
    slots, begin = [], 0
    while begin < count:
        # First what there is room for, then never all slots anew: an index that loses all its items begins
        # again with slot 0.
        room = store.capacity - store.ring.count or store.capacity - 1 or 1
        rows = slice(begin, begin + min(room, store.at_once, count - begin))
        here = metas
        if rows.stop - begin < count:
            here = {key: (values[rows], _part(there, rows)) for key, (values, there) in metas.items()}
        slots.append(_fill(store, here, rows, put))
        begin = rows.stop
    return slots


def _part(there: np.ndarray | None, rows: slice) -> np.ndarray | None:
    return None if there is None else there[rows]


def _fill(store: Keeper, metas: MetaColumns, rows: slice, put: Put) -> np.ndarray:
    """Stores these rows, for which there is room or none at all, and returns where."""
    ring, count = store.ring, rows.stop - rows.start
    surplus, freed = ring.count + count - store.capacity, None
    if surplus > 0:
        if store.announcing:
            store.tell("on_removing", ring.slots_at(np.arange(surplus)))
        freed = ring.pop_oldest_many(surplus)
        store.tell("on_evicted", freed)
    first = ring.next
    slots = ring.push_many(count, freed)
    put(slots, rows, metas)
    for key, index in store.groups.items():
        values = column_values(metas, key, count)
        for slot, serial, value in zip(slots.tolist(), range(first, first + count), values, strict=True):
            if surplus > 0:  # each takes the place of one: the order of the groups is as if pushed one by one
                index.evict(slot)
            index.add(slot, serial, value)
    store.tell("on_filled", slots)
    return slots

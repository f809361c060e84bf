"""Items as Python objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from ding_buffer.core.copies import clone
from ding_buffer.core.item import BufferedData
from ding_buffer.kernels.chosen import first_distinct, take_objects
from ding_buffer.storages.column_content import read_columns, unstack_content
from ding_buffer.storages.content import ObjectContent, object_content
from ding_buffer.storages.storage import Names


class ObjectStorage:
    """Any object, by reference: what is pushed is what is sampled.

    Memory grows with the items held, up to the capacity.
    """

    strict = False
    columnar = False
    on_retarget: Callable[[], None] | None = None
    held: Callable[[], int] | None = None
    shared = False

    def __init__(self) -> None:
        self._items: list[Any] = []

    def bind(self, capacity: int, names: Names) -> None:
        """Needs neither: items carry their index, and a list grows."""

    def check(self, data: Any, meta: Mapping[str, Any]) -> None:
        """Takes anything."""

    def put(self, slot: int, data: Any, index: str, meta: dict[str, Any]) -> BufferedData:
        """Stores one item; ``data`` and ``meta`` are kept by reference."""
        item = BufferedData(data, index, meta)
        items = self._items
        try:
            items[slot] = item
        except IndexError:
            items.extend([None] * (slot - len(items)))
            items.append(item)
        return item

    def target(self) -> list[Any] | None:
        """Returns the list of items, where no subclass does something else with one."""
        return self._items if type(self).put is ObjectStorage.put and not self.strict else None

    def item(self, slot: int) -> BufferedData:
        """Returns the stored item itself."""
        item: BufferedData = self._items[slot]
        return item

    def take(self, slots: Any, repeats: bool = True) -> list[BufferedData]:
        """Returns the stored items themselves; each further occurrence of a slot is a deep copy."""
        if isinstance(slots, np.ndarray):
            batch: list[BufferedData] = take_objects(self._items, slots)
        elif len(slots) < 2:
            batch = [self._items[slot] for slot in slots]
        else:
            # itemgetter keeps several cache misses in flight at once; a loop in Python waits for each.
            batch = list(itemgetter(*slots)(self._items))
        if repeats and len(slots) > 1 and len(first_distinct(slots)) < len(slots):
            seen: set[int] = set()
            for place, slot in enumerate(slots.tolist() if isinstance(slots, np.ndarray) else slots):
                if slot in seen:
                    batch[place] = clone(batch[place])
                seen.add(slot)
        return batch

    def meta(self, slot: int) -> Mapping[str, Any]:
        """Returns the meta of one slot."""
        meta: dict[str, Any] = self._items[slot].meta
        return meta

    def meta_of(self, slot: int, key: str) -> Any:
        """Returns one key of the meta of one slot, None where it is missing."""
        return self._items[slot].meta.get(key)

    def metas(self, slots: Any, key: str) -> tuple[Sequence[Any], np.ndarray | None]:
        """Returns one meta key of slots, None where there is none."""
        metas = [self._items[slot].meta for slot in slots]
        there = np.array([key in meta for meta in metas], dtype=bool)
        return [meta.get(key) for meta in metas], None if there.all() else there

    def set_metas(self, slots: Any, key: str, values: Any) -> None:
        """Writes one meta key into the dicts of the stored items."""
        for slot, value in zip(slots, values.tolist() if hasattr(values, "tolist") else values, strict=True):
            self._items[slot].meta[key] = value

    def write(self, slot: int, data: Any, meta: dict[str, Any] | None) -> None:
        """Replaces payload and meta of the stored item; whoever holds the item sees it."""
        item = self._items[slot]
        item.data, item.meta = item.data if data is None else data, item.meta if meta is None else meta

    def drop(self, slots: Sequence[int]) -> None:
        """Drops the references."""
        items = self._items
        for slot in slots:
            if slot < len(items):
                items[slot] = None

    def clear(self) -> None:
        """Drops all references."""
        self._items.clear()

    def state_dict(self, slots: Any, copy: bool = True) -> dict[str, Any]:
        """Returns payloads by reference, and copies of metas: layers go on writing to those stored."""
        items = [self._items[slot] for slot in slots]
        return {"data": [item.data for item in items], "meta": [{**item.meta} for item in items]}

    def content(self, state: Mapping[str, Any], count: int, skipped: int) -> ObjectContent:
        """Returns payloads and metas; of columns that were saved, one of each for every row."""
        if "columns" in state:
            content = unstack_content(read_columns(state, count, skipped))
        else:
            content = object_content(state, count, skipped)
        if self.strict:
            for data, meta in zip(content.payloads, content.metas, strict=True):
                self.check(data, meta)
        return content

    def fill(self, slots: Any, content: Any, names: Sequence[str]) -> None:
        """Replaces the items."""
        self.clear()
        for slot, data, index, meta in zip(
            slots.tolist(), content.payloads, names, content.metas, strict=True
        ):
            self.put(slot, data, index, meta)

    def stats(self) -> dict[str, Any]:
        """Has nothing to count."""
        return {}

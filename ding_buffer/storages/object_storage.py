"""Items as Python objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from ding_buffer.core.copies import clone
from ding_buffer.core.item import BufferedData


class ObjectStorage:
    """Any object, by reference: what is pushed is what is sampled.

    Memory grows with the items held, up to the capacity.
    """

    strict = False

    def __init__(self) -> None:
        self._items: list[Any] = []

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

    def item(self, slot: int) -> BufferedData:
        """Returns the stored item itself."""
        item: BufferedData = self._items[slot]
        return item

    def take(self, slots: Sequence[int], repeats: bool = True) -> list[BufferedData]:
        """Returns the stored items themselves; each further occurrence of a slot is a deep copy."""
        if len(slots) < 2:
            return [self._items[slot] for slot in slots]
        # itemgetter keeps several cache misses in flight at once; a loop in Python waits for each.
        batch: list[BufferedData] = list(itemgetter(*slots)(self._items))
        if repeats and len(set(slots)) < len(slots):
            seen: set[int] = set()
            for place, slot in enumerate(slots):
                if slot in seen:
                    batch[place] = clone(batch[place])
                seen.add(slot)
        return batch

    def write(self, slot: int, data: Any, meta: dict[str, Any] | None) -> None:
        """Replaces payload and meta of the stored item; whoever holds the item sees it."""
        item = self._items[slot]
        if data is not None:
            item.data = data
        if meta is not None:
            item.meta = meta

    def drop(self, slots: Sequence[int]) -> None:
        """Drops the references."""
        for slot in slots:
            self._items[slot] = None

    def clear(self) -> None:
        """Drops all references."""
        self._items.clear()

    def state_dict(self, slots: Sequence[int]) -> dict[str, Any]:
        """Returns payloads and metas, by reference."""
        items = self._items
        return {"data": [items[slot].data for slot in slots], "meta": [items[slot].meta for slot in slots]}

    def stats(self) -> dict[str, Any]:
        """Has nothing to count."""
        return {}

"""A store seen as the sequences that DI-engine's users read; nothing is copied until it is looked at."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from ding_buffer.core.errors import NoSuchPosition, UnknownIndex
from ding_buffer.core.item import BufferedData
from ding_buffer.storages.store import Store


class ItemOrder(Sequence[BufferedData]):
    """The items, oldest first."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def maxlen(self) -> int:
        """How many items there is room for."""
        return self._store.capacity

    def __len__(self) -> int:
        return len(self._store)

    @overload
    def __getitem__(self, position: int) -> BufferedData: ...
    @overload
    def __getitem__(self, position: slice) -> list[BufferedData]: ...
    def __getitem__(self, position: Any) -> Any:
        """Returns the item at a position, or a list for a slice."""
        store = self._store
        with store.lock:
            if isinstance(position, slice):
                return store.held_items(store.slots_in(store.positions(position)).tolist())
            count = len(store)
            place = operator.index(position)
            if not -count <= place < count:
                raise NoSuchPosition(f"Position {place} is outside a buffer of {count} items.")
            return store.storage.item(store.ring.slot_at(place % count))

    def __iter__(self) -> Iterator[BufferedData]:
        """Goes through the items held at this moment."""
        with self._store.lock:
            return iter(self._store.held_items(self._store.live()))


class IndexOrder:
    """The indices in use and where each stands, counted from the oldest."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __len__(self) -> int:
        return len(self._store)

    def has(self, index: str) -> bool:
        """Tells whether an item is there."""
        with self._store.lock:
            return self._store.slot_of(index) >= 0

    def get(self, index: str) -> int:
        """Returns the position of an item from the oldest; raises ``UnknownIndex`` where it is gone."""
        with self._store.lock:
            slot = self._store.slot_of(index)
            if slot < 0:
                raise UnknownIndex(f"There is no item {index!r}.")
            return self._store.ring.position_of(slot)

    def __contains__(self, index: object) -> bool:
        return isinstance(index, str) and self.has(index)

    def __iter__(self) -> Iterator[str]:
        return iter([item.index for item in ItemOrder(self._store)])


class MetaColumns(Mapping[str, Sequence[Any]]):
    """The values of each meta key that groups are kept of, oldest first; None where an item has none."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getitem__(self, key: str) -> list[Any]:
        with self._store.lock:
            index = self._store.groups[key]
            groups = [index.of(slot) for slot in self._store.live()]
        return [None if group is None else group.value for group in groups]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._store.groups))

    def __len__(self) -> int:
        return len(self._store.groups)

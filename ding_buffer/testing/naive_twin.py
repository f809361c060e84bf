"""A buffer in its plainest form, to compare others with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ding_buffer.core.item import BufferedData


class NaiveTwin:
    """What a buffer means, in a list and linear scans: slow, and plain enough to be believed.

    It is told each index, which only the real buffer can make up, and keeps metas of its own.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.items: list[BufferedData] = []

    def __len__(self) -> int:
        return len(self.items)

    def push(self, data: Any, index: str, meta: Mapping[str, Any]) -> None:
        """Adds the newest item; the oldest goes when there is no room."""
        self.items.append(BufferedData(data, index, dict(meta)))
        self.items = self.items[-self.capacity :]

    def get(self, index: str) -> BufferedData | None:
        """Returns an item, None where it is gone."""
        return next((item for item in self.items if item.index == index), None)

    def indices(self) -> list[str]:
        """Returns all indices, oldest first."""
        return [item.index for item in self.items]

    def update(
        self, index: str, data: Any = None, meta: Mapping[str, Any] | None = None, merge: bool = False
    ) -> bool:
        """Replaces payload and meta, or merges into the meta; returns whether the item was there."""
        item = self.get(index)
        if item is None:
            return False
        if data is not None:
            item.data = data
        if meta is not None:
            item.meta = {**item.meta, **meta} if merge else dict(meta)
        return True

    def delete(self, indices: Iterable[str]) -> int:
        """Removes items and returns how many went."""
        gone = set(indices)
        before = len(self.items)
        self.items = [item for item in self.items if item.index not in gone]
        return before - len(self.items)

    def clear(self) -> None:
        """Removes everything."""
        self.items = []

    def in_range(self, sample_range: slice | None = None) -> list[str]:
        """Returns the indices that a sample range leaves, in its order."""
        return self.indices()[sample_range if sample_range is not None else slice(None)]

    def groups(self, key: str, sample_range: slice | None = None) -> dict[Any, list[str]]:
        """Returns the indices of each group, oldest first, of the items that a sample range leaves."""
        left = set(self.in_range(sample_range))
        groups: dict[Any, list[str]] = {}
        for item in self.items:
            if item.index in left and item.meta.get(key) is not None:
                groups.setdefault(item.meta[key], []).append(item.index)
        return groups

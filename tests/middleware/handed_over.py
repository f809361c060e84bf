"""Buffers that hand over what leaves them, and what was handed over."""

from __future__ import annotations

from tempfile import gettempdir

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.middleware.removals import track_removed
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.memmap_storage import MemmapStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.storages.shared_storage import SharedStorage

STORAGES = {
    "object": ObjectStorage,
    "column": ColumnStorage,
    "memmap": lambda: MemmapStorage(gettempdir()),
    "shared": lambda: SharedStorage({"n": int}, meta={"env": int, "priority": float}),
}
on_every_storage = pytest.mark.parametrize("storage", STORAGES.values(), ids=STORAGES)


class Left:
    """Takes what is handed over: the calls, and each item once."""

    def __init__(self):
        self.calls, self.items = [], []

    def __call__(self, items, reason):
        assert isinstance(items, list)
        assert items
        self.calls.append((reason, [item.data["n"] for item in items]))
        self.items += [(item.index, item.data["n"], item.meta, reason) for item in items]

    def taken(self):
        """The calls since this was last asked."""
        calls, self.calls = self.calls, []
        return calls


def made(storage, *layers, size=4, count=0):
    left = Left()
    buffer = DequeBuffer(size, storage=storage(), seed=0).use(*layers, track_removed(left))
    push(buffer, range(count))
    return buffer, left


def push(buffer, numbers):
    return [buffer.push({"n": n}, meta={"env": n % 3}).index for n in numbers]

"""A buffer with a monitor to test with."""

from __future__ import annotations

from typing import Any

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.middleware.monitoring import monitor
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.structures.clock import ManualClock

STORAGES = [ObjectStorage, ColumnStorage]
on_every_storage = pytest.mark.parametrize("storage", STORAGES, ids=["objects", "columns"])


class Writer:
    def __init__(self) -> None:
        self.scalars: list[tuple[str, float, int]] = []

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.scalars.append((tag, value, step))


class Setting:
    """A buffer with a monitor, its clock, and what was reported."""

    def __init__(self, storage: Any = ObjectStorage, size: int = 10, inner: Any = (), **options: Any) -> None:
        self.clock, self.reports = ManualClock(), list[dict[str, float]]()
        self.layer = monitor(self.reports.append, clock=self.clock, **options)
        self.buffer = DequeBuffer(size, storage=storage(), seed=0).use(self.layer, *inner)

    def draw(self, *positions: int) -> Any:
        return self.buffer.sample(indices=[self.buffer[position].index for position in positions])

    def last(self) -> dict[str, float]:
        """Flushes and returns what was reported, without the name."""
        self.layer.flush()
        return {tag.removeprefix("buffer/"): figure for tag, figure in self.reports[-1].items()}

"""A buffer without a store: an own kind that somebody derives from Buffer alone."""

from __future__ import annotations

from typing import Any

from ding_buffer.core.actions import apply_middleware
from ding_buffer.core.buffer import Buffer
from ding_buffer.core.item import BufferedData


class PlainBuffer(Buffer):
    """Keeps everything in a list and returns the newest."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.items: list[BufferedData] = []

    @apply_middleware("push")
    def push(self, data: Any, meta: dict[str, Any] | None = None) -> Any:
        self.items.append(BufferedData(data, str(len(self.items)), {} if meta is None else meta))
        return self.items[-1]

    @apply_middleware("sample")
    def sample(self, size: int | None = None, **query: Any) -> Any:
        return self.items[query.get("sample_range", slice(None))][-(size or 1) :]

    def update(self, index: Any, data: Any = None, meta: Any = None) -> Any:
        return False

    def delete(self, indices: Any) -> Any:
        return 0

    def clear(self) -> None:
        self.items.clear()

    def count(self) -> int:
        return len(self.items)

    def get(self, position: int) -> Any:
        return self.items[position]

    def save_data(self, path: Any) -> None:
        raise NotImplementedError

    def load_data(self, path: Any) -> None:
        raise NotImplementedError

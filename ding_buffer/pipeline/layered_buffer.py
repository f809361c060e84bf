"""A ``DequeBuffer`` with any layers as a buffer of the pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from os import PathLike
from typing import Any

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.pipeline.data_buffer import DataBuffer
from ding_buffer.pipeline.state_files import beside, restoring


class LayeredBuffer(DataBuffer[Any, Any]):
    """Stands between a ``DataUser`` and a ``DequeBuffer``: what is collected is pushed, through all layers.

    ``meta_keys`` are fields of a collected mapping that become the item's meta, such as a priority; None:
    those that the layers need. A layer that waits (``rate_limit``) lets whoever calls ``update`` wait: give
    its user ``auto_update=False``, and let another thread sample.
    """

    has_own_lock = True

    def __init__(self, buffer: DequeBuffer, meta_keys: Iterable[str] | None = None) -> None:
        super().__init__(max_queue_size=buffer.size)
        self.buffer = buffer
        self.max_size = buffer.size
        self._meta_keys = None if meta_keys is None else frozenset(meta_keys)

    def add(self, step_data: Any) -> None:
        """Pushes it; a layer may refuse it, and counts that."""
        keys = self.buffer.needs if self._meta_keys is None else self._meta_keys
        if not (keys and isinstance(step_data, Mapping)):
            self.buffer.push(step_data)
            return
        meta = {key: step_data[key] for key in keys if key in step_data}
        self.buffer.push({key: part for key, part in step_data.items() if key not in meta}, meta=meta)

    def get_data(self) -> list[Any]:
        """Returns all payloads, oldest first, around the layers."""
        return [item.data for item in self.buffer]

    def sample(self, batch_size: int | None = None, replace: bool = False, **query: Any) -> Any:
        """Returns what the buffer's ``sample`` returns, items with index and meta, through all layers."""
        if replace:
            query["replace"] = True
        return self.buffer.sample(batch_size, **query)

    def __len__(self) -> int:
        return len(self.buffer)

    def save_state(self, path: str | PathLike[str]) -> None:
        """Writes the buffer and the state of its layers to one file: ``path`` with ``.snapshot`` after it."""
        self.buffer.save_data(beside(path))

    def load_state(self, path: str | PathLike[str]) -> None:
        """Takes back what ``save_state`` wrote."""
        self.buffer.load_data(beside(path))

    def _restoring(self) -> AbstractContextManager[None]:
        return restoring(self.buffer)

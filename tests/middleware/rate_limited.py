"""Buffers with a rate limit, for the tests of it."""

from __future__ import annotations

from typing import Any

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.middleware.rate_limits import rate_limit
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage

STORAGES: Any = pytest.mark.parametrize("storage", [ObjectStorage, ColumnStorage])


def made(*settings: Any, size: int = 100, held: int = 0, storage: Any = None, **named: Any) -> Any:
    """Returns a buffer with the layer, and the layer; ``held`` items were pushed through it."""
    layer = rate_limit(*settings, **named)
    buffer = DequeBuffer(size, storage=storage, seed=0).use(layer)
    for number in range(held):
        buffer.push(number)
    return buffer, layer

"""Buffers on columns to test with."""

from __future__ import annotations

from typing import Any

import numpy as np

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.storages.column_storage import ColumnStorage


def payload(number: int) -> dict[str, Any]:
    """Returns a transition with a field of every kind."""
    return {
        "obs": np.full((2, 3), number, np.float32),
        "image": np.full((20, 20), number % 200, np.uint8),
        "n": number,
        "inner": (number / 2, [number % 2 == 0]),
        "name": f"item {number}",
    }


def same(one: Any, other: Any) -> bool:
    """Tells whether two transitions hold the same."""
    arrays = all(
        np.array_equal(one[key], other[key]) and one[key].dtype == other[key].dtype
        for key in ("obs", "image")
    )
    return arrays and all(one[key] == other[key] for key in ("n", "inner", "name"))


def stacked(numbers: Any) -> dict[str, Any]:
    """Returns the transitions of these numbers as columns."""
    numbers = np.asarray(numbers, dtype=np.int64)
    return {
        "obs": np.broadcast_to(numbers[:, None, None], (len(numbers), 2, 3)).astype(np.float32),
        "image": np.broadcast_to((numbers % 200)[:, None, None], (len(numbers), 20, 20)).astype(np.uint8),
        "n": numbers,
        "inner": (numbers / 2, [numbers % 2 == 0]),
        "name": [f"item {number}" for number in numbers.tolist()],
    }


def empty(size: int = 8, *, seed: int = 0, **options: Any) -> DequeBuffer:
    """Returns an empty buffer on columns."""
    return DequeBuffer(size, storage=ColumnStorage(**options), seed=seed)


def filled(count: int, size: int = 8) -> DequeBuffer:
    """Returns a buffer that so many transitions were pushed into, in three groups."""
    buffer = empty(size)
    for number in range(count):
        buffer.push(payload(number), {"env": number % 3})
    return buffer


def numbers(items: Any) -> list[int]:
    """Returns the numbers of transitions."""
    return [item.data["n"] for item in items]


def everything(buffer: Any) -> Any:
    """Returns what must not change when something is refused."""
    held = [(item.index, item.data["n"], item.data["name"], item.meta) for item in buffer]
    return held, buffer.stats(), {key: index.order() for key, index in buffer.store.groups.items()}

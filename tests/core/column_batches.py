"""Batches of columns to test with."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.core.ragged import RaggedColumn
from ding_buffer.structures.index_text import IndexText

TEXT = IndexText()


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclasses.dataclass
class Step:
    obs: Any
    reward: Any


def text_of(number: int) -> str:
    """Returns the index of an item of ``made``."""
    return TEXT.write(number)


def made(count: int = 6, data: Any = None, absent: Any = None) -> BufferedBatch:
    """Returns a flat batch of items 0, 1, 2, ... in slots 10, 11, 12, ...."""
    numbers = np.arange(count)
    if data is None:
        data = {
            "obs": np.repeat(numbers, 3).reshape(count, 3).astype(np.float32),
            "n": numbers.copy(),
            "tokens": RaggedColumn.of([np.full(number % 3, number) for number in range(count)], np.int64),
            "name": np.array([f"item {number}" for number in range(count)], dtype=object),
        }
    meta = {"env": numbers % 2, "score": numbers / 2, "note": np.array(["x"] * count, dtype=object)}
    return BufferedBatch(data, numbers + 10, IndexColumn(numbers, TEXT), meta, absent)


def numbers_of(batch: Any) -> list[Any]:
    """Returns the numbers of the items of a flat batch, None for a filler."""
    return [None if item.index is None else item.data["n"] for item in batch]

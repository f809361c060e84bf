"""The data every contestant stores: a transition's number is in its fields, so a row proves itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

BATCH = 256
EPISODE = 200  # transitions of one episode, and items of one group
GAMMA = 0.99
STEPS = 5
SLICES, SLICE = 32, 64
CHUNK = 64  # transitions of one pushed batch
IMAGE = (84, 84, 4)
PUSHED = 7  # the number of the transition that the works push again and again

SPEC: dict[str, tuple[tuple[int, ...], str]] = {
    "obs": ((4,), "float32"),
    "act": ((), "int32"),
    "rew": ((), "float32"),
    "next_obs": ((4,), "float32"),
    "done": ((), "bool"),
}
IMAGE_SPEC = {**SPEC, "obs": (IMAGE, "uint8"), "next_obs": (IMAGE, "uint8")}
BYTES = sum(int(np.prod(shape)) * np.dtype(kind).itemsize for shape, kind in SPEC.values())

Columns = dict[str, Any]


def columns(first: int, count: int) -> Columns:
    """Makes the transitions ``first`` to ``first + count``, one array a field."""
    return columns_of(np.arange(first, first + count))


def columns_of(numbers: Any) -> Columns:
    return {
        "obs": _observations(numbers),
        "act": (numbers % 5).astype(np.int32),
        "rew": (numbers % 7).astype(np.float32),
        "next_obs": _observations(numbers + 1),
        "done": numbers % EPISODE == EPISODE - 1,
    }


def chunks(count: int, length: int = 10_000) -> Iterator[Columns]:
    """Makes ``count`` transitions a few at a time, so that filling a buffer leaves no memory behind."""
    for first in range(0, count, length):
        yield columns(first, min(length, count - first))


def rows(count: int) -> Iterator[Columns]:
    """Makes ``count`` transitions one by one; every field owns its memory."""
    for chunk in chunks(count, 1_000):
        for place in range(len(chunk["act"])):
            yield {name: np.array(column[place]) for name, column in chunk.items()}


def one() -> Columns:
    """Makes one transition."""
    return {name: column[0] for name, column in columns(PUSHED, 1).items()}


def many() -> Columns:
    """Makes ``CHUNK`` times the same transition."""
    return columns_of(np.full(CHUNK, PUSHED))


def image_chunks(count: int, length: int = 100) -> Iterator[Columns]:
    """Makes ``count`` transitions between stacks of four frames; its bytes say its number modulo 251."""
    for first in range(0, count, length):
        numbers = np.arange(first, min(first + length, count))
        yield {**columns_of(numbers), "obs": _stacks(numbers), "next_obs": _stacks(numbers + 1)}


def touched(fields: Columns) -> Columns:
    """Reads every field as one contiguous array; a row is timed up to here."""
    return {name: np.ascontiguousarray(column) for name, column in fields.items()}


def numbers_of(batch: Columns) -> Any:
    return batch["obs"].reshape(-1, 4)[:, 0].astype(np.int64)


def _observations(numbers: Any) -> Any:
    return np.stack([numbers, numbers % 7, numbers % 11, numbers % 13], axis=1).astype(np.float32)


def _stacks(numbers: Any) -> Any:
    stacks = np.empty((len(numbers), *IMAGE), np.uint8)
    stacks[:] = (numbers % 251).reshape(-1, 1, 1, 1)
    return stacks

"""The limit: bare numpy moving the same bytes, with no library around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import works
from benchmarks.transitions import (
    BATCH,
    BYTES,
    CHUNK,
    EPISODE,
    IMAGE_SPEC,
    SLICE,
    SLICES,
    SPEC,
    Columns,
    chunks,
    image_chunks,
    many,
    one,
    touched,
)
from benchmarks.works import Absent, Work

PACKAGES = ("numpy",)
RECORD = np.dtype(
    {
        "names": list(SPEC),
        "formats": [(kind, shape) for shape, kind in SPEC.values()],
        "offsets": [0, 16, 20, 24, 40],
        "itemsize": 64,
    }
)


def _filled(size: int) -> Any:
    """Returns records of 64 bytes, each in a cache line of its own."""
    memory = np.zeros(size * 64 + 64, np.uint8)
    records = memory[-memory.ctypes.data % 64 :][: size * 64].view(RECORD)
    first = 0
    for chunk in chunks(size):
        _write(records, slice(first, first + len(chunk["act"])), chunk)
        first += len(chunk["act"])
    return records


def _write(records: Any, places: Any, chunk: Columns) -> None:
    for name, column in chunk.items():
        records[name][places] = column


def _split(lines: Any) -> Columns:
    taken = lines.view(RECORD)
    return touched({name: taken[name].reshape(lines.shape[:-1] + SPEC[name][0]) for name in SPEC})


def push(size: int) -> Work:
    """Packs one transition with ``struct``, the fastest way from Python."""
    from struct import Struct

    records, item = _filled(size), one()
    pack, memory = Struct("<4fif4f?").pack_into, memoryview(records.view(np.uint8))
    values = (*item["obs"].tolist(), int(item["act"]), float(item["rew"]), *item["next_obs"].tolist(), False)
    slot = 0

    def call() -> None:
        nonlocal slot
        pack(memory, slot * 64, *values)
        slot = slot + 1 if slot + 1 < size else 0

    return works.pushing(call, lambda: _split(records.view("f8").reshape(size, 8)[:BATCH]), size)


def push_batch(size: int) -> Work:
    records, item = _filled(size), many()
    first = 0

    def call() -> None:
        nonlocal first
        _write(records, slice(first, first + CHUNK), item)
        first = (first + CHUNK) % (size - size % CHUNK)

    return works.pushing(call, lambda: _split(records.view("f8").reshape(size, 8)[:BATCH]), size)


def sample(size: int) -> Work:
    records, rng = _filled(size).view("f8").reshape(size, 8), np.random.default_rng(0)
    return works.sampling(
        lambda: _split(records.take(rng.integers(0, size, BATCH), axis=0, mode="clip")), size
    )


def lines(size: int) -> Work:
    """Fetches 256 cache lines whose places are known: below this nothing can come."""
    records, rng = _filled(size).view("f8").reshape(size, 8), np.random.default_rng(0)
    places = [rng.integers(0, size, BATCH) for _ in range(1_000)]
    out = np.empty((BATCH, 8))
    turn = 0

    def call() -> None:
        nonlocal turn
        turn = (turn + 1) % 1_000
        records.take(places[turn], axis=0, mode="clip", out=out)

    return Work(call, lambda: None)


def images(size: int) -> Work:
    columns = {name: np.zeros((size, *shape), kind) for name, (shape, kind) in IMAGE_SPEC.items()}
    first = 0
    for chunk in image_chunks(size):
        for name, column in chunk.items():
            columns[name][first : first + len(column)] = column
        first += len(chunk["act"])
    rng = np.random.default_rng(0)

    def draw() -> Columns:
        places = rng.integers(0, size, BATCH)
        return {name: column.take(places, axis=0, mode="clip") for name, column in columns.items()}

    return Work(draw, lambda: works.check_images(draw()))


def slices(size: int, pushes: bool = False) -> Work:
    if pushes:
        raise Absent("the same as without")
    records, rng = _filled(size).view("f8").reshape(size, 8), np.random.default_rng(0)
    steps = np.arange(SLICE)

    def draw() -> Columns:
        starts = rng.integers(0, size // EPISODE, SLICES) * EPISODE + rng.integers(0, EPISODE - SLICE, SLICES)
        return _split(records.take((starts[:, None] + steps).reshape(-1), axis=0, mode="clip"))

    return works.slicing(draw)


def save(size: int) -> Work:
    """Writes the transitions' bytes to a file with one call, without waiting for the disk."""
    path, content = Path(works.scratch("bytes")), bytearray(size * BYTES)
    return Work(lambda: path.write_bytes(content), lambda: None)


def load(size: int) -> Work:
    path, content = Path(works.scratch("bytes")), bytearray(size * BYTES)
    path.write_bytes(content)

    def read() -> None:
        with path.open("rb", buffering=0) as file:
            file.readinto(content)

    return Work(read, lambda: None)


def memory(size: int) -> Work:
    return Work(lambda: float(BYTES), lambda: None)

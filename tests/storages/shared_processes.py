"""What the other processes of the tests of shared memory do."""

from __future__ import annotations

import multiprocessing
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.storages.shared_segment import _folder
from ding_buffer.storages.shared_storage import SharedStorage

SPAWN = multiprocessing.get_context("spawn")
SPEC = {"obs": (np.float32, (3,)), "n": np.int64}
META = {"number": int, "env": int, "priority": float, "train_iter_data_collected": int}
WIDE = {"first": np.int64, "wide": (np.int64, (4096,)), "last": np.int64}
PATIENCE = 120.0
"""Seconds after which something hangs: far more than anything here takes on however busy a machine."""


def row(number):
    return {"obs": np.full(3, number, np.float32), "n": number}


def shared(**options):
    return SharedStorage(SPEC, **{"meta": META, **options})


def pair(capacity=8, **options):
    """Returns a buffer that made the memory and one that reads it."""
    one = DequeBuffer(capacity, storage=shared(**options), seed=0)
    return one, reader_of(one)


def reader_of(buffer, writer=None, **options):
    storage = SharedStorage.attach(buffer.store.storage.name, writer, **options)
    return DequeBuffer(storage.capacity, storage=storage, seed=1)


def storage_of(buffer: Any) -> Any:
    return buffer.store.storage


def numbers(buffer):
    return [item.data["n"] for item in buffer]


def files(name):
    """Returns the files of the memory of that name, and none of another whose name begins like it."""
    there = (path.name for path in Path(_folder()).iterdir())
    return sorted(file for file in there if file == name or file.startswith(f"{name}.writer"))


def until(ready):
    """Waits for what another process does."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < deadline, "the other process takes too long"
        time.sleep(0.002)


@contextmanager
def running(*processes):
    """Starts processes, and kills those that are left."""
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def process(target, *arguments):
    return SPAWN.Process(target=target, args=arguments)


def push_wide_rows(name, writer):
    """Pushes large rows with one number in every field, as fast as can be, until it is killed."""
    storage = SharedStorage.attach(name, writer, follow=False)
    buffer = DequeBuffer(storage.capacity, storage=storage)
    number = writer
    while True:
        buffer.push(
            {"first": number, "wide": np.full(4096, number), "last": number},
            {"number": number, "env": writer},
        )
        number += storage.writers


def push_counted(name, writer, count):
    """Pushes the numbers from 0 on, one at a time and in batches; the meta tells the writer."""
    storage = SharedStorage.attach(name, writer)
    buffer = DequeBuffer(storage.capacity, storage=storage)
    rng, done = np.random.default_rng(writer), 0
    while done < count:
        batch = np.arange(done, min(count, done + int(rng.integers(1, 9))))
        if len(batch) == 1:
            buffer.push(row(done), {"env": writer, "number": done})
        else:
            columns = {"obs": np.repeat(batch[:, None], 3, 1).astype(np.float32), "n": batch}
            buffer.extend(columns, {"env": np.full(len(batch), writer), "number": batch})
        done += len(batch)


def push_from_storage(storage, count):
    """Pushes as the first writer that is free, with a storage that came with the process."""
    storage.claim()
    buffer = DequeBuffer(storage.capacity, storage=storage)
    for number in range(count):
        buffer.push(row(number), {"env": 7})


def make_and_fork(name):
    """Makes shared memory and a child that pushes once it is an orphan; waits to be killed."""
    buffer, parent = DequeBuffer(8, storage=shared(name=name)), os.getpid()

    def linger():
        until(lambda: os.getppid() != parent)
        buffer.push(row(41))

    multiprocessing.get_context("fork").Process(target=linger).start()
    buffer.push(row(40))
    time.sleep(3 * PATIENCE)


def make_and_wait(name):
    """Makes shared memory, pushes a row, and waits to be killed."""
    buffer = DequeBuffer(8, storage=shared(name=name))
    buffer.push(row(41))
    time.sleep(3 * PATIENCE)

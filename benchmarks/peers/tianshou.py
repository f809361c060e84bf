"""tianshou: a batch of numpy arrays, and a segment tree compiled by numba."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tianshou.algorithm.algorithm_base import Algorithm
from tianshou.data import Batch, PrioritizedReplayBuffer, ReplayBuffer, VectorReplayBuffer

from benchmarks import works
from benchmarks.transitions import (
    BATCH,
    CHUNK,
    EPISODE,
    GAMMA,
    SLICE,
    SLICES,
    STEPS,
    Columns,
    chunks,
    image_chunks,
    many,
    one,
    touched,
)
from benchmarks.works import Work

PACKAGES = ("tianshou", "numba", "torch", "numpy")
NAMES = {"obs": "obs", "act": "act", "rew": "rew", "next_obs": "obs_next", "done": "done"}
torch.set_num_threads(1)


def _batch(item: Columns) -> Any:
    """Names the fields as tianshou does; it wants the end of an episode twice."""
    done = item["done"]
    return Batch(
        obs=item["obs"],
        act=item["act"],
        rew=item["rew"],
        obs_next=item["next_obs"],
        terminated=done,
        truncated=np.zeros_like(done),
    )


def _filled(buffer: Any, parts: Any = None) -> Any:
    """Fills the arrays themselves, as ``add`` would one by one; filling is not timed."""
    size, first = buffer.maxsize, 0
    for chunk in chunks(size) if parts is None else parts:
        count = len(chunk["act"])
        if not first:
            buffer.add(_batch({name: column[0] for name, column in chunk.items()}))
        held, batch = buffer._meta, _batch(chunk)
        batch.done = chunk["done"]
        for name in batch.get_keys():
            held[name][first : first + count] = batch[name]
        first += count
    buffer._insertion_idx, buffer._size = 0, size
    buffer.last_index[0] = size - 1
    if hasattr(buffer, "init_weight"):
        buffer.init_weight(np.arange(size))
    return buffer


def _fields(batch: Any) -> Columns:
    return touched({name: batch[theirs] for name, theirs in NAMES.items()})


def _drawing(buffer: Any, batch: int = BATCH) -> Any:
    return lambda: _fields(buffer.sample(batch)[0])


def _adding_many(size: int) -> tuple[Any, Any]:
    """Adds from that many environments at once, the only batch there is."""
    buffer = VectorReplayBuffer(size, CHUNK)
    return buffer, partial(buffer.add, _batch(many()), np.arange(CHUNK))


def push(size: int) -> Work:
    buffer = _filled(ReplayBuffer(size))
    return works.pushing(partial(buffer.add, _batch(one())), _drawing(buffer), size)


def push_batch(size: int) -> Work:
    buffer, add = _adding_many(size)
    return works.pushing(add, _drawing(buffer), size)


def sample(size: int) -> Work:
    return works.sampling(_drawing(_filled(ReplayBuffer(size))), size)


def per_cycle(size: int, pushes: bool = False) -> Work:
    buffer = _filled(PrioritizedReplayBuffer(size, alpha=0.6, beta=0.4))

    def draw() -> Any:
        batch, places = buffer.sample(BATCH)
        np.ascontiguousarray(batch.weight)
        return _fields(batch), places

    push = partial(buffer.add, _batch(one())) if pushes else None
    return works.prioritized(draw, buffer.update_weight, size, push)


def images(size: int) -> Work:
    draw = _drawing(_filled(ReplayBuffer(size), image_chunks(size)))
    return Work(draw, lambda: works.check_images(draw()))


def nstep_push(size: int) -> Work:
    buffer = _filled(ReplayBuffer(size))
    return Work(partial(buffer.add, _batch(one())), lambda: None)


def nstep_sample(size: int) -> Work:
    buffer = _filled(ReplayBuffer(size))
    seen: Columns = {}

    def target(held: Any, places: Any) -> Any:
        """Reads where the steps lead, and leaves the value zero: the return alone is asked for."""
        seen["next_obs"] = np.ascontiguousarray(held[places].obs_next)
        return torch.zeros(len(places))

    def draw() -> Columns:
        batch, places = buffer.sample(BATCH)
        made = Algorithm.compute_nstep_return(batch, buffer, places, target, GAMMA, STEPS)
        return {**_fields(batch), "rew": made.returns.numpy(), **seen}

    return works.returning(draw)


def slices(size: int, pushes: bool = False) -> Work:
    """Follows ``next`` from starts that leave room in their episode: the buffer has no slices of its own."""
    buffer = _filled(ReplayBuffer(size))
    add = partial(buffer.add, _batch(one()))
    rng = np.random.default_rng(0)

    def draw() -> Columns:
        if pushes:
            add()
        starts = rng.integers(0, size // EPISODE, SLICES) * EPISODE
        places = [starts + rng.integers(0, EPISODE - SLICE, SLICES)]
        for _ in range(SLICE - 1):
            places.append(buffer.next(places[-1]))
        return _fields(buffer[np.stack(places, axis=1)])

    return works.slicing(draw) if not pushes else Work(draw, lambda: None)


def save(size: int) -> Work:
    return _storing(size)[0]


def load(size: int) -> Work:
    return _storing(size)[1]


def _storing(size: int) -> tuple[Work, Work]:
    """Saves by pickle, which its buffers are made for and which is faster here than their HDF5."""
    buffer, path = _filled(ReplayBuffer(size)), Path(works.scratch("buffer.pkl"))

    def write() -> None:
        with path.open("wb") as file:
            pickle.dump(buffer, file, protocol=pickle.HIGHEST_PROTOCOL)

    def read() -> Any:
        with path.open("rb") as file:
            return pickle.load(file)

    return works.storing(write, read, len, size)


def memory(size: int) -> Work:
    return works.growing(lambda count: _filled(ReplayBuffer(count)), size)


def threads(size: int) -> Work:
    buffer, add = _adding_many(size)
    add()
    return works.rating(add, _drawing(buffer, CHUNK))


def samplers(size: int, count: int) -> Work:
    return works.crowding(_drawing(_filled(ReplayBuffer(size))), count)

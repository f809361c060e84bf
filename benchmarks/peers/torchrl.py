"""torchrl: tensordicts in memory, and segment trees in C++."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import numpy as np
import torch

os.environ.setdefault("RL_LOGGING_LEVEL", "ERROR")
import torchrl._torchrl  # noqa: F401 without it there is no prioritised buffer: better to hear of it at once
from tensordict import TensorDict
from torch import multiprocessing
from torchrl.data import (
    LazyMemmapStorage,
    LazyTensorStorage,
    ReplayBuffer,
    SliceSampler,
    TensorDictPrioritizedReplayBuffer,
    TensorDictReplayBuffer,
)
from torchrl.envs.transforms import MultiStepTransform

from benchmarks import works
from benchmarks.transitions import (
    BATCH,
    CHUNK,
    GAMMA,
    SLICE,
    SLICES,
    SPEC,
    STEPS,
    Columns,
    chunks,
    image_chunks,
    many,
    one,
)
from benchmarks.works import Work

PACKAGES = ("torchrl", "tensordict", "torch", "numpy")
torch.set_num_threads(1)


def _dict(item: Columns, count: int | None = None) -> Any:
    fields = {name: torch.as_tensor(np.asarray(value)) for name, value in item.items()}
    return TensorDict(fields, [] if count is None else [count])


def _filled(size: int, make: Any = TensorDictReplayBuffer, parts: Any = None, **options: Any) -> Any:
    storage = options.pop("storage", LazyTensorStorage)(size)
    buffer = make(storage=storage, batch_size=options.pop("batch_size", BATCH), **options)
    for chunk in chunks(size) if parts is None else parts:
        buffer.extend(_dict(chunk, len(chunk["act"])))
    return buffer


def _fields(batch: Any) -> Columns:
    return {name: np.ascontiguousarray(batch[name].numpy()) for name in SPEC}


def _drawing(buffer: Any) -> Any:
    return lambda: _fields(buffer.sample())


def push(size: int) -> Work:
    buffer = _filled(size)
    return works.pushing(partial(buffer.add, _dict(one())), _drawing(buffer), size)


def push_batch(size: int) -> Work:
    buffer = _filled(size)
    return works.pushing(partial(buffer.extend, _dict(many(), CHUNK)), _drawing(buffer), size)


def sample(size: int) -> Work:
    return works.sampling(_drawing(_filled(size)), size)


def per_cycle(size: int, pushes: bool = False) -> Work:
    buffer = _filled(size, TensorDictPrioritizedReplayBuffer, alpha=0.6, beta=0.4, priority_key="td")

    def draw() -> Any:
        batch = buffer.sample()
        return _fields(batch), batch

    def give(batch: Any, priorities: Any) -> None:
        batch["td"] = torch.from_numpy(priorities)
        buffer.update_tensordict_priority(batch)

    return works.prioritized(draw, give, size, partial(buffer.add, _dict(one())) if pushes else None)


def images(size: int) -> Work:
    draw = _drawing(_filled(size, parts=image_chunks(size)))
    return Work(draw, lambda: works.check_images(draw()))


def _nstep(item: Columns, count: int) -> Any:
    """Names the fields as environments of torchrl do, which is what its n-step transform reads."""
    made = _dict({"obs": item["obs"], "act": item["act"]}, count)
    done = torch.as_tensor(item["done"])[:, None]
    made["next"] = TensorDict(
        {
            "obs": torch.as_tensor(item["next_obs"]),
            "reward": torch.as_tensor(item["rew"])[:, None],
            "done": done,
            "terminated": done,
        },
        [count],
    )
    return made


def _nstep_filled(size: int) -> Any:
    transform = MultiStepTransform(n_steps=STEPS, gamma=GAMMA)
    buffer = TensorDictReplayBuffer(storage=LazyTensorStorage(size), batch_size=BATCH, transform=transform)
    for chunk in chunks(size):
        buffer.extend(_nstep(chunk, len(chunk["act"])))
    return buffer


def nstep_push(size: int) -> Work:
    buffer = _nstep_filled(size)
    item = _nstep({name: np.asarray(value)[None] for name, value in one().items()}, 1)
    return Work(partial(buffer.extend, item), lambda: None)


def nstep_sample(size: int) -> Work:
    """Returns were summed when they were pushed."""
    buffer = _nstep_filled(size)

    def draw() -> Columns:
        batch = buffer.sample()
        after = batch["next"]
        fields = {
            "obs": batch["obs"],
            "act": batch["act"],
            "rew": after["reward"],
            "next_obs": after["obs"],
            "done": after["done"],
        }
        return {name: np.ascontiguousarray(value.numpy()) for name, value in fields.items()}

    return works.returning(draw)


def slices(size: int, pushes: bool = False) -> Work:
    sampler = SliceSampler(num_slices=SLICES, end_key="done", strict_length=True, cache_values=not pushes)
    buffer = _filled(size, sampler=sampler, batch_size=SLICES * SLICE)
    item = _dict(many(), CHUNK)[:1]

    def draw() -> Columns:
        if pushes:
            buffer.extend(item)
        return _fields(buffer.sample())

    return works.slicing(draw) if not pushes else Work(draw, lambda: None)


def save(size: int) -> Work:
    return _storing(size)[0]


def load(size: int) -> Work:
    return _storing(size)[1]


def _storing(size: int) -> tuple[Work, Work]:
    buffer, other, path = _filled(size), _filled(size), works.scratch("buffer")

    def read() -> Any:
        other.loads(path)
        return other

    return works.storing(partial(buffer.dumps, path), read, len, size)


def memory(size: int) -> Work:
    return works.growing(_filled, size)


def threads(size: int) -> Work:
    buffer = _filled(size, batch_size=CHUNK)
    return works.rating(partial(buffer.extend, _dict(many(), CHUNK)), _drawing(buffer))


def samplers(size: int, count: int) -> Work:
    return works.crowding(_drawing(_filled(size)), count)


def processes(size: int) -> Work:
    """Writes from another process into the shared buffer, as its tutorials do."""
    buffer = _filled(size, ReplayBuffer, storage=LazyMemmapStorage, shared=True, batch_size=CHUNK)
    context = multiprocessing.get_context("fork")

    return works.crossing(context, _writing, (buffer,), _drawing(buffer))


def _writing(buffer: Any) -> Any:
    return partial(buffer.extend, _dict(many(), CHUNK))

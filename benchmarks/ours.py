"""This buffer, through its public interface only: layers, validation and lock included.

Which kernels are used is decided before this is imported, by DING_BUFFER_KERNELS.
"""

from __future__ import annotations

import importlib
import multiprocessing
from functools import partial
from typing import Any

import numpy as np

from benchmarks import works
from benchmarks.transitions import (
    BATCH,
    CHUNK,
    EPISODE,
    GAMMA,
    IMAGE_SPEC,
    SLICE,
    SLICES,
    SPEC,
    STEPS,
    Columns,
    chunks,
    image_chunks,
    many,
    one,
    touched,
)
from benchmarks.works import Absent, Work
from ding_buffer import DequeBuffer, Middleware, middleware
from ding_buffer.core.actions import apply_middleware
from ding_buffer.pipeline.data_user import DataUser
from ding_buffer.pipeline.sequential_buffer import SequentialBuffer
from ding_buffer.storages.column_storage import ColumnStorage

PACKAGES = ("ding_buffer", "numpy")


class PassThrough(Middleware):
    """Wraps every action and changes nothing."""

    def push(self, chain: Any, data: Any, meta: Any = None) -> Any:
        return chain(data, meta=meta)


class Bare(DequeBuffer):
    """Does nothing at the end of its chain."""

    @apply_middleware("push")
    def push(self, data: Any, meta: Any = None) -> Any:
        """Takes the item and forgets it."""


def _spec(fields: Any) -> Any:
    return {name: (kind, shape) for name, (shape, kind) in fields.items()}


def _made(size: int, spec: Any = SPEC, layout: str = "aligned", *layers: Any) -> Any:
    buffer = DequeBuffer(size, storage=ColumnStorage(_spec(spec), layout=layout), seed=0)
    for layer in layers:
        buffer.use(layer)
    return buffer


def _filled(size: int, *layers: Any, layout: str = "aligned") -> Any:
    buffer = _made(size, SPEC, layout, *layers)
    for chunk in chunks(size):
        buffer.extend(chunk)
    return buffer


def _layer(name: str) -> Any:
    if not hasattr(middleware, name):
        raise Absent(f"the layer {name} is not there yet")
    return getattr(middleware, name)


def _shared() -> Any:
    try:
        return importlib.import_module("ding_buffer.storages.shared_storage").SharedStorage
    except ModuleNotFoundError:
        raise Absent("columns in shared memory are not there yet") from None


def _objects(size: int, per_group: int = 0) -> DequeBuffer:
    buffer = DequeBuffer(size, seed=0)
    for number in range(size):
        buffer.push(works.payload(number), {"group": number // per_group} if per_group else None)
    return buffer


def _fields(batch: Any) -> Columns:
    return touched({name: batch.data[name] for name in SPEC})


def _drawing(buffer: Any, batch: int = BATCH) -> Any:
    return lambda: _fields(buffer.sample(batch))


def push(size: int) -> Work:
    buffer = _filled(size)
    return works.pushing(partial(buffer.push, one()), _drawing(buffer, min(BATCH, size)), size)


def push_batch(size: int) -> Work:
    buffer = _filled(size)
    return works.pushing(partial(buffer.extend, many()), _drawing(buffer, min(BATCH, size)), size)


def sample(size: int, layout: str = "aligned") -> Work:
    return works.sampling(_drawing(_filled(size, layout=layout)), size)


def per_cycle(size: int, pushes: bool = False) -> Work:
    buffer = _filled(size, middleware.PriorityExperienceReplay())

    def draw() -> Any:
        batch = buffer.sample(BATCH)
        np.ascontiguousarray(batch.meta["priority_IS"])
        return _fields(batch), batch.index

    def give(index: Any, priorities: Any) -> None:
        buffer.update(index, meta={"priority": priorities})

    return works.prioritized(draw, give, size, partial(buffer.push, one()) if pushes else None)


def images(size: int) -> Work:
    buffer = _made(size, IMAGE_SPEC)
    for chunk in image_chunks(size):
        buffer.extend(chunk)
    draw = _drawing(buffer)
    return Work(draw, lambda: works.check_images(draw()))


def _nstep_filled(size: int) -> Any:
    return _filled(size, _layer("n_step")(STEPS, GAMMA, reward="rew"))


def nstep_push(size: int) -> Work:
    buffer = _nstep_filled(size)
    return works.counting(partial(buffer.push, one()), buffer.count, size)


def nstep_sample(size: int) -> Work:
    return works.returning(_drawing(_nstep_filled(size)))


def slices(size: int, pushes: bool = False) -> Work:
    buffer = _filled(size, _layer("sequence")(SLICE))
    item = one()

    def draw() -> Columns:
        if pushes:
            buffer.push(item)
        return _fields(buffer.sample(SLICES))

    return works.slicing(draw) if not pushes else Work(draw, lambda: None)


def save(size: int) -> Work:
    return _storing(size)[0]


def load(size: int) -> Work:
    return _storing(size)[1]


def _storing(size: int) -> tuple[Work, Work]:
    buffer, other = _filled(size, layout="compact"), _filled(size, layout="compact")
    path = works.scratch("buffer")

    def read() -> Any:
        other.load_data(path)
        return other

    # No peer waits for the disk.
    return works.storing(partial(buffer.save_data, path, sync=False), read, len, size)


def memory(size: int) -> Work:
    return works.growing(partial(_filled, layout="compact"), size)


def memory_aligned(size: int) -> Work:
    return works.growing(_filled, size)


def told(size: int) -> Work:
    """Asks the buffer itself how many bytes a transition takes."""
    buffer = _filled(size, layout="compact")
    return Work(lambda: buffer.stats()["bytes"] / size, lambda: None)


def threads(size: int) -> Work:
    buffer = _filled(size)
    return works.rating(partial(buffer.extend, many()), _drawing(buffer, CHUNK))


def samplers(size: int, count: int) -> Work:
    return works.crowding(_drawing(_filled(size)), count)


def processes(size: int) -> Work:
    """Writes from a process that attaches to the storage by its name; this one only draws."""
    buffer = DequeBuffer(size, storage=(storage := _shared()(_spec(SPEC))), seed=0)
    context = multiprocessing.get_context("spawn")
    return works.crossing(context, _writing, (storage.name, size), _drawing(buffer, CHUNK))


def _writing(name: str, size: int) -> Any:
    buffer = DequeBuffer(size, storage=_shared().attach(name, 0, follow=False))
    for chunk in chunks(size):
        buffer.extend(chunk)
    batch = many()
    return lambda: buffer.extend(batch)


def push_object(size: int) -> Work:
    buffer = _objects(size)
    return works.pushing_objects(partial(buffer.push, works.payload(0)), buffer.sample, size)


def sample_objects(size: int) -> Work:
    return works.sampling_objects(partial(_objects(size).sample, BATCH), size)


def by_index(size: int) -> Work:
    buffer = _objects(size)
    indices = [item.index for item in buffer.sample(BATCH)]
    return works.finding(lambda: buffer.sample(indices=indices), indices)


def groups(size: int) -> Work:
    buffer = _objects(size, EPISODE)
    return works.grouping(lambda: buffer.sample(SLICES, groupby="group"))


def _step(number: int) -> dict[str, Any]:
    return {"state": number, "action": -number, "reward": number / 2}


def _pipeline(size: int) -> SequentialBuffer:
    buffer: SequentialBuffer = SequentialBuffer(["state", "action", "reward"], size, seed=0)
    for number in range(size):
        buffer.add(_step(number))
    return buffer


def pipeline_add(size: int) -> Work:
    buffer = _pipeline(size)
    return works.counting(partial(buffer.add, _step(0)), lambda: len(buffer), size)


def pipeline_sample(size: int) -> Work:
    user = DataUser(_pipeline(size))
    return works.in_step(partial(user.sample, SLICES), SLICES)


def layers(count: int) -> Work:
    buffer = Bare(1)
    for _ in range(count):
        buffer.use(PassThrough())
    return Work(partial(buffer.push, works.payload(0)), lambda: None)

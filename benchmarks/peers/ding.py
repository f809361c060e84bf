"""DI-engine's buffer: Python objects in a deque, prioritised replay as a middleware over segment trees.

Its package asks for an old numpy and imports its whole house, so it is installed without its dependencies,
and only the modules of the buffer are imported: the packages around them stand in empty. The code that is
timed is DI-engine's, unchanged.
"""

from __future__ import annotations

import importlib.util
import sys
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from benchmarks import works
from benchmarks.transitions import BATCH, CHUNK, EPISODE, SLICE, SLICES, Columns, one, rows
from benchmarks.works import Absent, Work

PACKAGES = ("DI-engine", "numba", "torch", "numpy")
torch.set_num_threads(1)


def _stand_in(name: str, folder: Path | None = None, **content: Any) -> Any:
    module = sys.modules[name] = ModuleType(name)
    module.__dict__.update(content)
    if folder is not None:
        module.__path__ = [str(folder)]
    return module


def _import_buffer() -> tuple[Any, Any, Any]:
    found = importlib.util.find_spec("ding")
    if found is None or found.origin is None:
        raise Absent("DI-engine is not installed")
    home = Path(found.origin).parent
    _stand_in("ding", home, enable_numba=True)  # as its __init__ says
    _stand_in("ding.data", home / "data")
    _stand_in("ding.torch_utils", get_null_data=None)  # fills groups that are too short: not asked for here
    _stand_in("ding.utils.default_helper", one_time_warning=print)
    _stand_in("ding.data.buffer.deque_buffer_wrapper", DequeBufferWrapper=None)  # the older interface
    utils = _stand_in("ding.utils", home / "utils")
    utils.fastcopy = importlib.import_module("ding.utils.fast_copy").fastcopy
    trees = importlib.import_module("ding.utils.segment_tree")
    utils.SumSegmentTree, utils.MinSegmentTree = trees.SumSegmentTree, trees.MinSegmentTree
    buffer = importlib.import_module("ding.data.buffer")
    layers = importlib.import_module("ding.data.buffer.middleware")
    return buffer.DequeBuffer, buffer.apply_middleware, layers.PriorityExperienceReplay


DequeBuffer: Any
apply_middleware: Any
DequeBuffer, apply_middleware, PriorityExperienceReplay = _import_buffer()


class Bare(DequeBuffer):  # type: ignore[misc]
    """Does nothing at the end of its chain."""

    @apply_middleware("push")
    def push(self, data: Any, meta: Any = None) -> None:
        """Takes the item and forgets it."""


def _pass(action: str, chain: Any, *args: Any, **kwargs: Any) -> Any:
    return chain(*args, **kwargs)


@lru_cache(maxsize=2)
def _filled(size: int, grouped: bool = False) -> Any:
    """Fills a buffer with transitions; two are kept, since a million take 20 seconds."""
    buffer = DequeBuffer(size)
    for number, row in enumerate(rows(size)):
        buffer.push(row, {"episode": number // EPISODE} if grouped else None)
    return buffer


@lru_cache(maxsize=2)
def _prioritized(size: int) -> Any:
    buffer = DequeBuffer(size)
    buffer.use(PriorityExperienceReplay(buffer))
    for row in rows(size):
        buffer.push(row)
    return buffer


@lru_cache(maxsize=2)
def _objects(size: int, per_group: int = 0) -> Any:
    buffer = DequeBuffer(size)
    for number in range(size):
        buffer.push(works.payload(number), {"group": number // per_group} if per_group else None)
    return buffer


def _stacked(items: Any) -> Columns:
    return {
        name: np.stack([item.data[name] for item in items])
        for name in ("obs", "act", "rew", "next_obs", "done")
    }


def _drawing(buffer: Any, batch: int = BATCH) -> Any:
    return lambda: _stacked(buffer.sample(batch))


def push(size: int) -> Work:
    buffer = DequeBuffer(size)
    return works.pushing(partial(buffer.push, one()), _drawing(buffer, min(BATCH, size)), size)


def push_batch(size: int) -> Work:
    """There is no batch: 64 pushes."""
    buffer = DequeBuffer(size)
    push, item = buffer.push, one()

    def call() -> None:
        for _ in range(CHUNK):
            push(item)

    return works.pushing(call, _drawing(buffer, min(BATCH, size)), size)


def sample(size: int) -> Work:
    return works.sampling(_drawing(_filled(size)), size)


def per_cycle(size: int, pushes: bool = False) -> Work:
    if size > 1_000_000:
        raise Absent("ten million transitions would take 38 GB")
    buffer = _prioritized(size)
    item = one()

    def draw() -> Any:
        items = buffer.sample(BATCH)
        return _stacked(items), items

    def give(items: Any, priorities: Any) -> None:
        for item, priority in zip(items, priorities.tolist(), strict=True):
            buffer.update(item.index, item.data, {**item.meta, "priority": priority})

    return works.prioritized(draw, give, size, (lambda: buffer.push(item)) if pushes else None)


def slices(size: int, pushes: bool = False) -> Work:
    buffer = _filled(size, True)
    item = one()

    def draw() -> Columns:
        if pushes:
            buffer.push(item, {"episode": 0})
        groups = buffer.sample(SLICES, groupby="episode", unroll_len=SLICE, replace=True)
        return _stacked([item for group in groups for item in group])

    return works.slicing(draw) if not pushes else Work(draw, lambda: None)


def memory(size: int) -> Work:
    return works.growing(_filled, size)


def threads(size: int) -> Work:
    buffer, item = _filled(size), one()

    def add() -> None:
        for _ in range(CHUNK):
            buffer.push(item)

    return works.rating(add, _drawing(buffer, CHUNK))


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


def layers(count: int) -> Work:
    buffer = Bare(1)
    for _ in range(count):
        buffer.use(_pass)
    return Work(partial(buffer.push, works.payload(0)), lambda: None)

"""Changes broken off at any line that they run through, and buffers to try it on."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import ding_buffer
from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.middleware.n_steps import n_step
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.sequences import sequence
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage

_HOME = Path(ding_buffer.__file__).resolve().parent
_WHERE = (
    *(f"{_HOME / name}/" for name in ("storages", "structures", "samplers", "middleware")),
    f"{(_HOME / 'middleware').resolve()}/",
)
SIZE, MOST_USES = 7, 3
STORAGES = {"objects": ObjectStorage, "columns": ColumnStorage}
LAYERS = {
    "bare": list,
    "priorities": lambda: [use_time_check(max_use=MOST_USES), n_step(2, 0.9), PriorityExperienceReplay()],
    "ranks": lambda: [use_time_check(max_use=MOST_USES), PriorityExperienceReplay(mode="rank")],
    "sequences": lambda: [sequence(2, prioritized=True)],
    "padded": lambda: [sequence(3, pad="end", prioritized=True)],
}


_PASSES_HANDLERS = sys.version_info >= (3, 12)
"""From 3.12 on Python does not come to the handlers around a comprehension, or a loop in one line, where a
tracer raises as it jumps back; where a signal does, it does."""


class Breaker:
    """Raises ``KeyboardInterrupt`` before the n-th line that runs in the package, as Ctrl-C would; once."""

    def __init__(self, line, where=_WHERE):
        self._left = line
        self._where = where
        self.where = ""

    def __enter__(self):
        gc.disable()  # what it does to buffers of before is none of the action
        self._before = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_):
        sys.settrace(self._before)
        gc.enable()

    def _call(self, frame, event, argument):
        return self._lines_of_a_call() if frame.f_code.co_filename.startswith(self._where) else None

    def _lines_of_a_call(self):
        last = 0

        def line(frame, event, argument):
            nonlocal last
            if event == "line":
                back, last = frame.f_lineno <= last, frame.f_lineno
                if not (back and _PASSES_HANDLERS):
                    self._count(frame)
            return line

        return line

    def _count(self, frame):
        self._left -= 1
        if not self._left:
            self.where = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
            self._strike()

    def _strike(self):
        raise KeyboardInterrupt


def broken_off(action, line, where=_WHERE):
    """Does an action, broken off at a line; returns where that was, "" where it came to its end before."""
    breaker = Breaker(line, where)
    try:
        with breaker:
            action()
    except KeyboardInterrupt:
        pass
    return breaker.where


def step(number):
    """Returns a transition and its meta."""
    data = {
        "obs": float(number),
        "reward": float(number),
        "next_obs": number + 0.5,
        "terminated": number % 5 == 4,
        "truncated": False,
    }
    return data, {"env": number % 2, "priority": 1.0 + number % 3}


def steps(start, count):
    """Returns many as they are given to ``extend``."""
    data, metas = zip(*[step(start + number) for number in range(count)], strict=True)
    return list(data), list(metas)


def made(storage, layers, gaps):
    """Returns a full buffer that has turned over; with ``gaps`` items were deleted from its middle."""
    chain: Any = LAYERS[layers]
    buffer = DequeBuffer(SIZE, storage=STORAGES[storage](), seed=0).use(*chain())
    buffer.store.grouped("env")
    for number in range(SIZE + 3):
        buffer.push(*step(number))
    if gaps:
        buffer.delete([buffer[2].index, buffer[4].index])
        buffer.extend(*steps(SIZE + 3, 2))
    return buffer


def check(buffer):
    """Raises where the store and its layers disagree."""
    store = buffer.store
    store.check()
    slots = store.ring.live()
    for layer in buffer._middleware:
        if isinstance(layer, PriorityExperienceReplay):
            sampler: Any = layer._sampler
            sampler.check()
            assert len(layer._sampler) == len(slots)
            told = [item.meta["priority"] for item in buffer]
            assert told == layer._sampler.priorities(slots).tolist()
        if hasattr(layer, "_windows"):
            layer._starts.check()
            layer._windows.check()
            assert [item.meta["priority"] for item in buffer] == layer._windows._steps[slots].tolist()
            assert sorted(slots.tolist()) == layer._starts._held.nonzero()[0].tolist()
        if hasattr(layer, "_chains"):
            layer._chains.check()
    counts = store.stats()
    assert counts["pushed"] == store.ring.next
    assert min(counts["evicted"], counts["deleted"], counts["cleared"]) >= 0
    assert len(store) == counts["pushed"] - counts["evicted"] - counts["deleted"] - counts["cleared"]


def content(buffer):
    """Returns everything that is held, oldest first, by index."""
    return {
        item.index: (item.data["obs"], item.data["next_obs"], item.meta["env"], item.meta["priority"])
        for item in buffer
    }


def uses(buffer, index):
    """Returns how often an item was counted as used; a batch that was broken off may have been."""
    layers = [layer for layer in buffer._middleware if hasattr(layer, "_uses")]
    return layers[0]._uses[buffer.store.slot_of(index)] if layers else 0

"""What is measured: each case makes a buffer and returns the microseconds of one operation on it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from measure import microseconds

from ding_buffer import DequeBuffer, Middleware
from ding_buffer.middleware import PriorityExperienceReplay, staleness_check, use_time_check

TRANSITION = {"obs": 1.0, "action": 0}


class Case(NamedTuple):
    """One row: the work, how to measure ours, DI-engine's microseconds, and the ratio wanted (0: none is)."""

    work: str
    ours: Callable[[], float]
    di_engine: float
    wanted: float = 0.0


class PassThrough(Middleware):
    """Wraps every action and changes nothing."""

    def push(self, chain: Any, data: Any, meta: Any = None) -> Any:
        return chain(data, meta=meta)

    def sample(self, chain: Any, size: Any = None, **query: Any) -> Any:
        return chain(size=size, **query)


@lru_cache(maxsize=3)
def filled(count: int, per_group: int = 0) -> DequeBuffer:
    """Makes a full buffer; with ``per_group`` its items are in groups of that many."""
    buffer = DequeBuffer(count, seed=0)
    for number in range(count):
        buffer.push(TRANSITION, {"env": number // per_group} if per_group else None)
    return buffer


def push(count: int) -> float:
    return microseconds("push(item)", 100_000, push=filled(count).view().push, item=TRANSITION)


def push_through_layers() -> float:
    buffer = filled(100_000).view().use([PassThrough() for _ in range(5)])
    return microseconds("push(item)", 50_000, push=buffer.push, item=TRANSITION)


def layers_alone() -> float:
    return push_through_layers() - push(100_000)


def sample(count: int, size: int, **query: Any) -> float:
    buffer = filled(count).view()
    return microseconds("sample(size, **query)", 1_000, sample=buffer.sample, size=size, query=query)


def by_index(count: int, size: int) -> float:
    buffer = filled(count).view()
    indices = [item.index for item in buffer.sample(size)]
    return microseconds("sample(indices=indices)", 1_000, sample=buffer.sample, indices=indices)


def groups(count: int, size: int) -> float:
    buffer = filled(count, per_group=200).view()
    buffer.sample(1, groupby="env")  # the first time builds the index
    return microseconds("sample(size, groupby='env')", 300, sample=buffer.sample, size=size)


def update(count: int) -> float:
    buffer = filled(count).view()
    index = buffer[count // 2].index
    return microseconds("update(index, meta={})", 5_000, update=buffer.update, index=index)


def prioritized(count: int) -> DequeBuffer:
    buffer = filled(count).view().use(PriorityExperienceReplay())
    items = buffer.sample(1_000)
    buffer.update([item.index for item in items], meta={"priority": np.random.default_rng(0).random(1_000)})
    return buffer


def prioritized_sample(count: int) -> float:
    buffer = prioritized(count)
    return microseconds("sample(64)", 300, sample=buffer.sample)


def prioritized_update(count: int) -> float:
    buffer = prioritized(count)
    indices = [item.index for item in buffer.sample(64)]
    draws = iter(np.random.default_rng(0).random((10_000, 64)))
    work = "update(indices, meta={'priority': next(draws)})"
    return microseconds(work, 300, update=buffer.update, indices=indices, draws=draws)


def delete(count: int) -> float:
    """Deletes 1,000 scattered items, the first scattered deletion of the buffer included."""
    buffer = DequeBuffer(count, seed=0)
    indices = [buffer.push(TRANSITION).index for _ in range(count)]
    rng = np.random.default_rng(0)
    batches = iter(rng.permutation(count)[: 7 * 1_000].reshape(7, 1_000).tolist())
    work = "delete([indices[place] for place in next(batches)])"
    return microseconds(work, 1, delete=buffer.delete, indices=indices, batches=batches)


def million_pushes() -> float:
    """Pushes a million items through three layers; nine of ten give way to newer ones."""
    buffer = DequeBuffer(100_000, seed=0)
    buffer.use(staleness_check(max_staleness=1e9), use_time_check(max_use=4), PriorityExperienceReplay())
    numbers = iter(range(1_000_000))
    work = "push(item, {'train_iter_data_collected': next(numbers)})"
    return microseconds(work, 1_000_000, repeats=1, push=buffer.push, item=TRANSITION, numbers=numbers)


def save(count: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "buffer.ding"
        return microseconds("save(path)", 1, repeats=3, save=filled(count).save_data, path=path)


CASES = [
    Case("push one", partial(push, 100_000), 11.0, 15),
    Case("push one through five layers", push_through_layers, 21.0, 5),
    Case("  the five layers alone", layers_alone, 10.0, 5),
    Case("sample 64 of 10,000", partial(sample, 10_000, 64), 200.0),
    Case("sample 64 of 1,000,000", partial(sample, 1_000_000, 64), 1_344.0),
    Case("sample 256 of 1,000,000", partial(sample, 1_000_000, 256), 1_378.0, 30),
    Case(
        "sample 64 of the newest 1,000 of 1,000,000",
        partial(sample, 1_000_000, 64, sample_range=slice(-1000, None)),
        20_530.0,
    ),
    Case("64 by index of 100,000", partial(by_index, 100_000, 64), 19_700.0, 500),
    Case("64 by index of 1,000,000", partial(by_index, 1_000_000, 64), 217_000.0, 500),
    Case("256 by index of 100,000", partial(by_index, 100_000, 256), 9_983.0),
    Case("8 groups of 100,000", partial(groups, 100_000, 8), 35_529.0, 400),
    Case("8 groups of 1,000,000", partial(groups, 1_000_000, 8), 449_443.0, 400),
    Case("32 groups of 200 of 200,000", partial(groups, 200_000, 32), 80_900.0, 400),
    Case("update one of 1,000,000", partial(update, 1_000_000), 74.0),
    Case("delete 1,000 of 100,000", partial(delete, 100_000), 11_000.0),
    Case("delete 1,000 of 1,000,000", partial(delete, 1_000_000), 0.0),
    Case("PER: sample 64 of 100,000", partial(prioritized_sample, 100_000), 24_030.0),
    Case("PER: update 64 of 100,000", partial(prioritized_update, 100_000), 1_703.0),
    Case("push through PER, use limit and staleness", million_pushes, 0.0),
    Case("save 100,000", partial(save, 100_000), 800_000.0),
]

"""The short way through a chain does what the layers do: the same batches, metas and random numbers."""

from __future__ import annotations

import copy
import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ding_buffer.buffers import quick_chains
from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.buffers.selection import draw_plainly
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import BadPriority, NotEnoughItems
from ding_buffer.kernels.chosen import NAME, FastUniform
from ding_buffer.middleware.n_steps import NStep, n_step
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.use_count import UseCount, use_time_check
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.memmap_storage import MemmapStorage

SHORT = NAME == "c"
SIZE = 12

CHAINS = {
    "none": list,
    "per": lambda: [PriorityExperienceReplay()],
    "per without weights": lambda: [PriorityExperienceReplay(IS_weight=False, stratified=False)],
    "per by rank": lambda: [PriorityExperienceReplay(mode="rank")],
    "uses": lambda: [use_time_check()],
    "few uses": lambda: [use_time_check(max_use=3)],
    "uses and per": lambda: [use_time_check(), PriorityExperienceReplay(epsilon=0.0)],
    "per and few uses": lambda: [PriorityExperienceReplay(), use_time_check(max_use=2)],
    "a watcher and per": lambda: [Watcher(), PriorityExperienceReplay()],
    "per and a watcher": lambda: [PriorityExperienceReplay(), Watcher()],
}
STEP_CHAINS = {
    "steps": lambda: [n_step(3, 0.9)],
    "steps alone": lambda: [n_step(2, 0.5, next_obs=None, terminated=None, done="truncated")],
    "steps around per": lambda: [n_step(3, 0.9), PriorityExperienceReplay()],
    "per around steps": lambda: [PriorityExperienceReplay(), n_step(3, 0.9)],
    "uses around steps": lambda: [use_time_check(max_use=3), n_step(3, 0.9)],
    "all around steps": lambda: [use_time_check(), PriorityExperienceReplay(), n_step(1, 0.0)],
    "a watcher around steps": lambda: [Watcher(), n_step(3, 0.9)],
    "steps around a watcher": lambda: [n_step(3, 0.9), Watcher()],
}

PAYLOADS = {
    "dict": lambda n: {"obs": np.full(3, n, np.float32), "n": n, "done": n % 2 == 0},
    "nested": lambda n: {"a": {"b": np.full((2, 2), n)}, "c": (n, n / 2)},
    "array": lambda n: np.full((4,), n, np.float64),
    "with a text": lambda n: {"n": n, "name": f"item {n}"},
}


def step(n, **changes):
    """A transition by number."""
    made = {"obs": np.full(3, n, np.float32), "reward": np.float32(n / 3), "next_obs": np.full(3, n + 1.0)}
    return {**made, "terminated": n % 7 == 5, "truncated": n % 11 == 9, **changes}


STEP_PAYLOADS = {
    "steps": step,
    "done": lambda n: {"done": n % 5 == 4, "reward": n / 2, "next_obs": n},
    "arrays of one": lambda n: step(
        n, reward=np.full(1, n, np.float64), terminated=np.full((1, 1), n % 7 == 5)
    ),
    "whole numbers": lambda n: step(n, reward=n, terminated=int(n % 7 == 5), discount=7),
    "images": lambda n: step(n, obs=np.full((8, 8), n, np.uint8), next_obs=np.full((8, 8), n + 1, np.uint8)),
    "nested": lambda n: step(n, next_obs={"a": np.full(2, n), "b": n}),
    "a reward of parts": lambda n: step(n, reward=np.full(2, n, np.float32)),
    "with a text": lambda n: step(n, name=f"item {n}"),
}
ALL_CHAINS = [
    *((chain, payload) for chain in sorted(CHAINS) for payload in sorted(PAYLOADS)),
    *((chain, "steps") for chain in sorted(STEP_CHAINS)),
    *(("per around steps", payload) for payload in sorted(STEP_PAYLOADS) if payload != "steps"),
]


def layers(chain):
    """New layers of that chain."""
    make: Any = {**CHAINS, **STEP_CHAINS}[chain]
    return make()


class Watcher(Middleware):
    """Sees every batch and every update."""

    def __init__(self):
        self.seen = []

    def sample(self, chain, size=None, **query):
        batch = chain(size=size, **query)
        self.seen.append(len(batch))
        return batch

    def update(self, chain, index, data=None, meta=None):
        self.seen.append(len(index))
        return chain(index, data=data, meta=meta)


def pair(monkeypatch, chain, storage=ColumnStorage, seed=1):
    """Two buffers that differ only in the way they go."""
    buffers = []
    for short in (True, False):
        with monkeypatch.context() as patch:
            if not short:
                patch.setattr(quick_chains, "FastSample", None)
            buffers.append(DequeBuffer(SIZE, storage=storage(), seed=seed).use(*layers(chain)))
    return buffers


def told(batch):
    """All that a batch says."""
    absent = {key: rows.tolist() for key, rows in batch.absent.items()}
    meta = {key: (column.dtype, column.tolist()) for key, column in batch.meta.items()}
    items = [(item.index[16:], repr(item.data), sorted(item.meta)) for item in batch]
    return items, batch.slots.tolist(), meta, absent, batch.lengths, batch.mask, batch._wrap is None


def shared_draw(buffer):
    return buffer.store.rng.bit_generator.state


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(1, 5)),
        st.tuples(st.just("push with a meta"), st.floats(0, 3)),
        st.tuples(st.just("sample"), st.integers(1, 9)),
        st.tuples(st.just("update"), st.lists(st.floats(0, 5), min_size=9, max_size=9)),
        st.tuples(st.just("update the one before"), st.lists(st.floats(0, 5), min_size=9, max_size=9)),
        st.tuples(st.just("delete"), st.integers(0, SIZE - 1)),
        st.tuples(st.just("group"), st.none()),
        st.tuples(st.just("copy"), st.none()),
        st.tuples(st.just("reload"), st.none()),
        st.tuples(st.just("clear"), st.none()),
    ),
    min_size=8,
    max_size=30,
)


def carry_out(buffer, name, what, pushed, batches, payload):
    """Does one thing to a buffer; returns what is to be compared."""
    if name == "push":
        buffer.extend([payload(pushed + place) for place in range(what)])
    elif name == "push with a meta":
        buffer.push(payload(pushed), {"priority": what, "env": pushed % 3})
    elif name == "sample":
        try:
            batches.append(buffer.sample(what))
        except NotEnoughItems:
            return "too few"
        return told(batches[-1])
    elif name.startswith("update") and len(batches) > 1:
        batch = batches[-1 if name == "update" else -2]
        return buffer.update(batch.index, meta={"priority": np.array(what[: len(batch)])}).tolist()
    elif name == "delete" and what < len(buffer):
        return buffer.delete(buffer[what].index)
    elif name == "group":
        buffer.store.grouped("env")
    elif name == "clear":
        buffer.clear()
    return None


@pytest.mark.parametrize(("chain", "payload"), ALL_CHAINS)
@given(operations=OPERATIONS)
def test_both_ways_do_the_same(chain, payload, operations):
    monkeypatch = pytest.MonkeyPatch()
    make: Any = (STEP_PAYLOADS if chain in STEP_CHAINS else PAYLOADS)[payload]
    buffers = pair(monkeypatch, chain)
    batches: list[list] = [[], []]
    pushed = 0
    for name, what in operations:
        if name == "copy":
            buffers = [pickle.loads(pickle.dumps(buffers[0])), buffers[1]]
        elif name == "reload":
            for buffer in buffers:
                buffer.load_state_dict(buffer.state_dict())
        seen = [
            carry_out(buffer, name, what, pushed, drawn, make)
            for buffer, drawn in zip(buffers, batches, strict=True)
        ]
        assert seen[0] == seen[1]
        pushed += what if name == "push" else 1

    quick, plain = buffers
    assert shared_draw(plain) == shared_draw(quick)
    assert plain.stats() == quick.stats()
    held = [[(repr(item.data), item.meta) for item in buffer] for buffer in (plain, quick)]
    assert held[0] == held[1]


@pytest.mark.skipif(not SHORT, reason="only the C kernels have a shorter way")
@given(
    pushed=st.integers(0, 300),
    deleted=st.lists(st.integers(0, 99), max_size=3),
    more=st.integers(0, 9),
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=5),
)
@example(pushed=96, deleted=[], more=0, sizes=[11, 12, 13])  # an eighth of them and more is drawn otherwise
@example(pushed=97, deleted=[], more=0, sizes=[12])
def test_alike_draws_are_those_of_the_sampler(pushed, deleted, more, sizes):
    buffer = DequeBuffer(100, storage=ColumnStorage(), seed=0)
    if pushed:
        buffer.extend({"n": np.arange(pushed)})
        buffer.delete([buffer[place].index for place in deleted if place < len(buffer)])
    if more:
        buffer.extend({"n": np.arange(more)})
    store: Any = buffer.store
    quick = FastUniform(store, partial(draw_plainly, store), store.storage).choose
    for size in sizes:
        state = store.rng.bit_generator.state
        drawn = quick(size)
        after, store.rng.bit_generator.state = store.rng.bit_generator.state, state
        expected = draw_plainly(store, size)
        assert after == store.rng.bit_generator.state
        if expected is None:
            assert drawn is None
        else:
            assert expected[0].tolist() == drawn[0].tolist()
            assert (None, expected[0].dtype) == (drawn[1], drawn[0].dtype)


@pytest.mark.skipif(not SHORT, reason="only the C kernels have a shorter way")
@pytest.mark.parametrize("width", [3, 12, 40])
@pytest.mark.parametrize("size", [1, 256, 900])
def test_far_memory_is_fetched_ahead_and_taken_as_it_is(width, size):
    count = 100_000
    column = np.arange(count * width, dtype=np.int64).reshape(count, width)
    buffer = DequeBuffer(count - 7, storage=ColumnStorage(), seed=0)
    buffer.extend({"a": column, "b": column[:, 0]})
    batch = buffer.sample(size)

    assert size == len(set(batch.slots.tolist()))
    assert np.array_equal(column[batch.data["b"] // width], batch.data["a"])
    assert (batch.data["b"] >= 7 * width).all()


def counted(function, calls):
    """A method that notes its name whenever it is called."""

    def noting(*args, **kwargs):
        calls.append(function.__qualname__)
        return function(*args, **kwargs)

    return noting


@pytest.mark.skipif(not SHORT, reason="only the C kernels have a shorter way")
@pytest.mark.parametrize("storage", [ColumnStorage, lambda: MemmapStorage("unused")])
@pytest.mark.parametrize(
    "chain", ["uses", "per", "uses and per", "per and few uses", "per around steps", "steps around per"]
)
def test_plain_calls_take_the_short_way(monkeypatch, tmp_path, chain, storage):
    monkeypatch.chdir(tmp_path)
    calls: list[str] = []
    for kind in (UseCount, PriorityExperienceReplay, NStep):
        for action in {"sample", "update"} & vars(kind).keys():
            monkeypatch.setattr(kind, action, counted(vars(kind)[action], calls))
    buffer = DequeBuffer(SIZE, storage=storage(), seed=0).use(*layers(chain))
    buffer.extend([step(number) for number in range(SIZE)])
    for _ in range(3):
        batch = buffer.sample(2)
        buffer.update(batch.index, meta={"priority": np.ones(2)})
    # The first batch makes the column of the use counts.
    assert calls == list(dict.fromkeys(calls))


def test_a_subclass_that_overrides_a_method_is_not_bypassed():
    class Doubled(PriorityExperienceReplay):
        def sample(self, chain, size=None, **query):
            return super().sample(chain, size=2 * size, **query)

        def on_updated(self, slots):
            seen.append(len(slots))
            super().on_updated(slots)

    seen: list[int] = []
    buffer = DequeBuffer(SIZE, storage=ColumnStorage(), seed=0).use(Doubled())
    buffer.extend([PAYLOADS["dict"](number) for number in range(SIZE)])

    batch = buffer.sample(3)
    buffer.update(batch.index, meta={"priority": np.ones(6)})
    assert 6 == len(batch)
    assert [6] == seen


def test_a_buffer_that_overrides_sample_is_not_bypassed():
    class Fewer(DequeBuffer):
        def sample(self, size=None, **query):
            return super().sample(size - 1, **query)

    buffer = Fewer(SIZE, storage=ColumnStorage(), seed=0)
    buffer.extend([PAYLOADS["dict"](number) for number in range(SIZE)])
    assert 3 == len(buffer.sample(4))


@pytest.mark.parametrize("wrong", [np.nan, -1.0, np.inf])
def test_a_bad_priority_is_refused_and_changes_nothing(wrong):
    buffer = DequeBuffer(SIZE, storage=ColumnStorage(), seed=0).use(PriorityExperienceReplay())
    buffer.extend([PAYLOADS["dict"](number) for number in range(SIZE)])
    batch = buffer.sample(4)
    before = [item.meta for item in buffer]
    with pytest.raises(BadPriority, match="at least 0"):
        buffer.update(batch.index, meta={"priority": np.array([1.0, 2.0, wrong, 3.0])})
    assert before == [item.meta for item in buffer]


def test_every_layer_that_follows_updates_hears_of_them():
    class Follower(Middleware):
        heard = 0

        def on_updated(self, slots):
            self.heard += len(slots)

    buffer = DequeBuffer(SIZE, storage=ColumnStorage(), seed=0).use(PriorityExperienceReplay())
    buffer.extend([PAYLOADS["dict"](number) for number in range(SIZE)])
    batch = buffer.sample(4)
    view, follower = buffer.view(), Follower()
    view.use(follower)
    buffer.update(batch.index, meta={"priority": np.ones(4)})
    assert 4 == follower.heard


def test_a_copy_goes_its_own_way():
    buffer = DequeBuffer(SIZE, storage=ColumnStorage(), seed=0).use(PriorityExperienceReplay())
    buffer.extend([PAYLOADS["dict"](number) for number in range(SIZE)])
    twin = copy.deepcopy(buffer)
    batch = twin.sample(4)
    twin.update(batch.index, meta={"priority": np.full(4, 9.0)})

    assert 9.0 == twin.stats()["PriorityExperienceReplay"]["max_priority"]
    assert 1.0 == buffer.stats()["PriorityExperienceReplay"]["max_priority"]
    assert {1.0} == {item.meta["priority"] for item in buffer}

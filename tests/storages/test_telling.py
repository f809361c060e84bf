"""Layers that may hear late of pushes know the same as those that hear at once."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.middleware.n_steps import n_step
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.sequences import sequence
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage

STORAGES = [ObjectStorage, ColumnStorage]


class Late(Middleware):
    """Notes what it hears, and which payloads lay in the slots."""

    hears_late = True

    def __init__(self):
        self.heard = []

    def bind(self, buffer):
        self._store = buffer.store

    def _payloads(self, slots):
        return [int(self._store.items([int(slot)])[0].data["n"]) for slot in slots]

    def on_filled(self, slots):
        self.heard.append(("filled", self._payloads(slots)))

    def on_evicted(self, slots):
        self.heard.append(("evicted", [int(slot) for slot in slots]))


class AtOnce(Late):
    """Says nothing of its own hooks, which must not be bypassed."""

    def on_filled(self, slots):
        super().on_filled(slots)


def made(storage, layer, size=4, pushed=1):
    """A buffer with an item, so that columns have memory."""
    buffer = DequeBuffer(size, storage=storage(), seed=0).use(layer)
    for number in range(pushed):
        buffer.push({"n": number})
    with buffer.store.lock:
        layer.heard.clear()
    return buffer


@pytest.mark.parametrize("storage", STORAGES)
def test_pushes_are_told_together_when_somebody_takes_the_lock(storage):
    layer = Late()
    buffer = made(storage, layer)
    for number in range(1, 4):
        buffer.push({"n": number})
    assert [] == layer.heard

    buffer.sample(1)
    assert [("filled", [1, 2, 3])] == layer.heard
    buffer.sample(1)
    assert 1 == len(layer.heard)


@pytest.mark.parametrize("storage", STORAGES)
def test_what_gave_way_is_told_before_what_took_its_place_and_after_what_found_room(storage):
    layer = Late()
    buffer = made(storage, layer, size=5, pushed=4)
    for number in range(4, 7):
        buffer.push({"n": number})
    buffer.stats()

    assert [("filled", [4]), ("evicted", [0, 1]), ("filled", [5, 6])] == layer.heard


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_item_goes_before_it_was_told(storage, size):
    layer = Late()
    buffer = made(storage, layer, size=size)
    for number in range(1, 20):
        buffer.push({"n": number})
    buffer.stats()

    filled = [number for event, numbers in layer.heard if event == "filled" for number in numbers]
    evicted = [slot for event, slots in layer.heard if event == "evicted" for slot in slots]
    assert list(range(1, 20)) == filled
    assert 20 - size == len(evicted)


def test_many_pushes_are_told_in_parts_so_that_nobody_waits_long():
    layer = Late()
    buffer = made(ObjectStorage, layer, size=5000)
    for number in range(1, 4000):
        buffer.push({"n": number})
    buffer.stats()

    assert 1025 >= max(len(numbers) for _, numbers in layer.heard)
    assert 4 == len([numbers for _, numbers in layer.heard if len(numbers) > 1])


@pytest.mark.parametrize("storage", STORAGES)
def test_a_layer_whose_hooks_are_its_own_hears_at_once(storage):
    layer = AtOnce()
    buffer = made(storage, layer)
    buffer.push({"n": 1})

    assert [("filled", [1])] == layer.heard


@pytest.mark.parametrize("storage", STORAGES)
def test_beside_a_layer_that_hears_at_once_all_do(storage):
    layer, other = Late(), AtOnce()
    buffer = made(storage, layer)
    buffer.push({"n": 1})
    view = buffer.view().use(other)
    assert [("filled", [1])] == layer.heard
    buffer.push({"n": 2})
    view.push({"n": 3})

    assert [("filled", [1]), ("filled", [2]), ("filled", [3])] == layer.heard
    assert [("filled", [2]), ("filled", [3])] == other.heard


@pytest.mark.parametrize("storage", STORAGES)
def test_a_layer_that_fails_at_what_it_hears_late_is_mended_and_the_items_stay(storage):
    class Fails(Late):
        mended = 0
        hears_late = True

        def on_filled(self, slots):
            if len(slots) == 2:
                raise ArithmeticError("no")

        def on_evicted(self, slots):
            pass

        def on_mended(self):
            self.mended += 1

    layer = Fails()
    buffer = made(storage, layer)
    buffer.push({"n": 1})
    buffer.push({"n": 2})
    with pytest.raises(ArithmeticError, match="no"):
        buffer.sample(1)

    assert 1 == layer.mended
    assert [0, 1, 2] == [int(item.data["n"]) for item in buffer]
    assert 1 == len(buffer.sample(1))
    with buffer.store.lock:
        buffer.store.check()


@pytest.mark.parametrize("storage", STORAGES)
def test_a_priority_that_comes_past_the_layer_is_heard_at_once(storage):
    layer = PriorityExperienceReplay()
    buffer = DequeBuffer(9, storage=storage(), seed=0).use(layer)
    view = buffer.view()
    for priority in (3.0, 2.0, 4.0, 4.5):
        view.push({"n": 1}, {"priority": priority})
        buffer.push({"n": 1})

    assert [3.0, 3.0, 4.0, 4.5] == [item.meta["priority"] for item in list(buffer)[1::2]]


LAYERS: dict[str, Any] = {
    "per": lambda: [PriorityExperienceReplay()],
    "rank": lambda: [PriorityExperienceReplay(mode="rank")],
    "steps": lambda: [n_step(2, 0.9)],
    "uses": lambda: [use_time_check(max_use=2)],
    "sequence": lambda: [sequence(2)],
    "all": lambda: [use_time_check(), n_step(3, 0.9), PriorityExperienceReplay()],
}
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.sampled_from([None, {}, {"env": 0}, {"env": 1}, {"priority": 2.5}])),
        st.tuples(st.just("push"), st.none()),
        st.tuples(st.just("view"), st.sampled_from([None, {"env": 0}, {"priority": 0.5}])),
        st.tuples(st.just("extend"), st.integers(1, 9)),
        st.tuples(st.just("sample"), st.integers(1, 4)),
        st.tuples(st.just("update"), st.integers(0, 5)),
        st.tuples(st.just("delete"), st.integers(0, 5)),
        st.tuples(st.sampled_from(["clear", "state"]), st.none()),
    ),
    max_size=40,
)


class Side:
    """A buffer that is pushed to the short way, or always through its layers."""

    def __init__(self, storage, layers, short):
        self.buffer = DequeBuffer(6, storage=storage(), seed=1).use(*layers())
        self.view = self.buffer.view()
        self.short = short
        self.pushed = 0

    def one(self, buffer, meta):
        data = {"n": self.pushed, "obs": np.float32(self.pushed), "reward": 1.0, "next_obs": np.float32(0)}
        data["done"] = self.pushed % 5 == 4
        self.pushed += 1
        meta = None if meta is None else dict(meta)
        item = buffer.push(data, meta) if self.short else type(buffer).push(buffer, data, meta)
        return item.meta

    def run(self, operation, argument):
        buffer = self.buffer
        if operation == "push":
            return self.one(buffer, argument)
        if operation == "view":
            return self.one(self.view, argument)
        if operation == "extend":
            return [self.one(buffer, None) for _ in range(argument)]
        if operation == "sample":
            return self.sampled(argument)
        if operation == "clear":
            return buffer.clear()
        if operation == "state":
            return buffer.load_state_dict(buffer.state_dict())
        if argument < len(buffer):
            index = buffer[argument].index
            if operation == "delete":
                return buffer.delete([index])
            return buffer.update([index], meta={"priority": [1.5]}).tolist()
        return None

    def sampled(self, size):
        try:
            batch = list(self.buffer.sample(size))
        except ValueError as refused:
            return str(refused)
        flat = [item for group in batch for item in (group if isinstance(group, list) else [group])]
        return [
            {
                **{key: np.asarray(item.data[key]).tolist() for key in ("n", "reward")},
                **{key: np.asarray(value).tolist() for key, value in item.meta.items()},
            }
            for item in flat
        ]


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
@given(operations=OPERATIONS)
def test_the_short_way_and_the_layers_do_the_same(storage, layers, operations):
    short, long = Side(storage, layers, True), Side(storage, layers, False)
    for operation in [("push", None), *operations, ("sample", 3)]:
        assert short.run(*operation) == long.run(*operation)
    assert [item.meta for item in short.buffer] == [item.meta for item in long.buffer]
    assert short.buffer.stats() == long.buffer.stats()
    with short.buffer.store.lock:
        short.buffer.store.check()


@pytest.mark.parametrize("storage", STORAGES)
def test_pushes_of_many_threads_are_all_told_once(storage):
    layer = Late()
    buffer = made(storage, layer, size=500)
    over = threading.Event()

    def push(first):
        for number in range(first, first + 800):
            buffer.push({"n": number})

    def sample():
        while not over.is_set():
            buffer.sample(8, replace=True)

    pushers = [threading.Thread(target=push, args=(1 + 800 * number,)) for number in range(3)]
    sampler = threading.Thread(target=sample)
    for thread in (*pushers, sampler):
        thread.start()
    for thread in pushers:
        thread.join()
    over.set()
    sampler.join()
    buffer.stats()

    filled = [number for event, numbers in layer.heard if event == "filled" for number in numbers]
    assert list(range(1, 2401)) == sorted(filled)
    assert 1901 == sum(len(slots) for event, slots in layer.heard if event == "evicted")

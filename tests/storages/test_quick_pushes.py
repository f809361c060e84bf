from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage

STORAGES = [ObjectStorage, ColumnStorage]


class Doubles(Middleware):
    def push(self, chain, data, meta=None):
        return chain({"x": 2 * data["x"]}, meta=meta)


class Counts(Middleware):
    def __init__(self):
        self.filled = 0

    def on_filled(self, slots):
        self.filled += len(slots)


def is_quick(buffer):
    return "push" in vars(buffer)


def numbers(buffer):
    return [int(item.data["x"]) for item in buffer]


def made(storage, size=4):
    buffer = DequeBuffer(size, storage=storage(), seed=0)
    buffer.push({"x": 0})  # brings the memory of columns into being
    return buffer


@pytest.mark.parametrize("storage", STORAGES)
def test_a_buffer_without_layers_pushes_the_short_way_and_the_same(storage):
    buffer = made(storage)
    assert is_quick(buffer)
    for number in range(1, 7):
        item = buffer.push({"x": number})
        assert buffer[-1].index == item.index
        buffer.store.check()

    assert [3, 4, 5, 6] == numbers(buffer)
    assert 7 == buffer.stats()["pushed"]
    assert 3 == buffer.stats()["evicted"]


@pytest.mark.parametrize("storage", STORAGES)
def test_a_layer_is_never_bypassed_even_by_who_kept_the_method(storage):
    buffer = made(storage)
    kept = buffer.push
    buffer.use(Doubles())
    kept({"x": 3})
    buffer.push({"x": 4})

    assert not is_quick(buffer)
    assert [0, 6, 8] == numbers(buffer)


@pytest.mark.parametrize("storage", STORAGES)
def test_a_layer_of_another_view_hears_of_every_push(storage):
    buffer, counts = made(storage), Counts()
    view = buffer.view().use(counts)
    for number in range(3):
        buffer.push({"x": number})

    assert 3 == counts.filled
    assert [0, 0, 1, 2] == numbers(view)


@pytest.mark.parametrize("storage", STORAGES)
def test_groups_are_kept_from_the_first_time_they_are_asked_for(storage):
    buffer = made(storage)
    buffer.push({"x": 1}, {"env": 1})
    buffer.sample(1, groupby="env")
    buffer.push({"x": 2}, meta={"env": 2})

    assert 2 == len(buffer.sample(2, groupby="env"))
    buffer.store.check()


@pytest.mark.parametrize("storage", STORAGES)
def test_a_push_without_meta_leaves_nothing_of_what_lay_in_the_slot(storage):
    buffer = DequeBuffer(2, storage=storage())
    buffer.push({"x": 0})
    buffer.push({"x": 1}, {"env": 1})
    for number in range(2, 4):
        buffer.push({"x": number})

    assert [{}, {}] == [item.meta for item in buffer]


@pytest.mark.parametrize("storage", STORAGES)
def test_a_cleared_or_loaded_buffer_pushes_into_what_it_has_now(storage):
    buffer = made(storage)
    state = buffer.state_dict()
    buffer.clear()
    buffer.push({"x": 5})
    buffer.push({"x": 6})
    assert [5, 6] == numbers(buffer)

    buffer.load_state_dict(state)
    buffer.push({"x": 7})
    buffer.push({"x": 8})
    assert [0, 7, 8] == numbers(buffer)
    buffer.store.check()


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda buffer: pickle.loads(pickle.dumps(buffer))])
def test_a_copy_pushes_into_its_own_memory(storage, copied):
    buffer = made(storage)
    twin = copied(buffer)
    twin.push({"x": 1})
    item = twin.push({"x": 2})

    assert [0] == numbers(buffer)
    assert [0, 1, 2] == numbers(twin)
    assert item.index not in buffer.indices


@pytest.mark.parametrize("storage", STORAGES)
def test_the_push_of_a_view_that_is_gone_still_arrives(storage):
    buffer = made(storage)
    buffer.view().push({"x": 1})
    kept = buffer.view().push
    gc.collect()
    kept({"x": 2})

    assert [0, 1, 2] == numbers(buffer)


@pytest.mark.parametrize("storage", STORAGES)
def test_a_dropped_buffer_is_freed_at_once(storage):
    buffer = made(storage)
    buffer.push({"x": 1})
    gone = weakref.ref(buffer.store)
    gc.disable()
    try:
        del buffer
        assert None is gone()
    finally:
        gc.enable()


def test_a_subclass_with_a_push_of_its_own_is_asked():
    class Loud(DequeBuffer):
        heard = 0

        def push(self, data, meta=None):
            self.heard += 1
            return super().push(data, meta=meta)

    buffer = Loud(3)
    buffer.push(1)

    assert not is_quick(buffer)
    assert 1 == buffer.heard == len(buffer)


def test_whoever_waits_is_woken_by_a_push():
    buffer = DequeBuffer(3)
    woken = threading.Event()

    def wait():
        with buffer.store.lock:
            if buffer.store.wait_for(lambda: len(buffer.store) == 2, timeout=60):
                woken.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    buffer.push(1)
    buffer.push(2)
    waiting.join(60)

    assert woken.is_set()


def test_columns_of_objects_have_no_short_way():
    buffer = DequeBuffer(3, storage=ColumnStorage())
    buffer.push({"x": np.zeros(2), "name": "a"})

    assert not is_quick(buffer)
    assert "b" == buffer.push({"x": np.zeros(2), "name": "b"}).data["name"]
    assert ["a", "b"] == [item.data["name"] for item in buffer]

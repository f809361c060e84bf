from __future__ import annotations

import copy
import gc
import os
import pickle
import weakref

import numpy as np

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.weak_call import WeakCall


class Adder:
    def add(self, one, other):
        return one + other


def test_it_calls_the_method_while_its_object_lives():
    adder = Adder()
    call = WeakCall(adder.add)

    assert 5 == call(2, 3)
    del adder
    assert None is call(2, 3)


def test_it_lives_as_long_as_its_object_and_in_its_own_process_only(monkeypatch):
    adder = Adder()
    call = WeakCall(adder.add)

    assert call.lives
    assert not WeakCall().lives
    here = os.getpid()
    monkeypatch.setattr("os.getpid", lambda: here + 1)
    assert not call.lives
    monkeypatch.undo()
    del adder
    assert not call.lives


def test_a_copy_calls_nobody():
    adder = Adder()

    assert None is copy.deepcopy(WeakCall(adder.add))(2, 3)
    assert None is pickle.loads(pickle.dumps(WeakCall(adder.add)))(2, 3)


def test_a_buffer_of_columns_is_freed_when_it_is_dropped():
    buffer = DequeBuffer(100, storage=ColumnStorage())
    buffer.push({"obs": np.zeros(4)})
    buffer.push({"obs": np.zeros(4)}, {"env": 1})
    storage = weakref.ref(buffer.store.storage)
    gc.disable()  # so that only the references count
    try:
        del buffer
        assert None is storage()
    finally:
        gc.enable()

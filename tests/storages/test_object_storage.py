from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.testing.storage_suite import StorageSuite


class TestObjectStorage(StorageSuite):
    def make(self):
        return ObjectStorage()


class TestObjectStorageOfArrays(StorageSuite):
    def make(self):
        return ObjectStorage()

    def payload(self, number):
        return {"obs": np.full(3, number), "name": str(number)}

    def same(self, left, right):
        return np.array_equal(left["obs"], right["obs"]) and left["name"] == right["name"]


class Thing:
    """Something that can be watched being let go."""


def test_payload_and_meta_are_kept_by_reference():
    meta: dict[str, Any] = {"a": 1}
    storage, data = ObjectStorage(), [1]
    item = storage.put(0, data, "x", meta)

    assert item is storage.item(0)
    assert data is item.data
    assert meta is item.meta
    assert item is storage.take([0])[0]
    assert [item] == storage.take([0], repeats=False)
    state = storage.state_dict([0])
    assert data is state["data"][0]
    meta["noted"] = "later"
    assert [{"a": 1}] == state["meta"]


def test_a_slot_may_lie_beyond_the_last():
    storage = ObjectStorage()
    storage.put(5, "far", "x", {})
    storage.put(2, "near", "y", {})

    assert ["far", "near"] == [item.data for item in storage.take([5, 2])]


def test_the_first_of_repeated_items_is_the_stored_one_and_the_others_are_deep_copies():
    storage = ObjectStorage()
    storage.put(0, {"obs": np.zeros(2)}, "x", {"a": [1]})
    storage.put(1, 1, "y", {})
    batch = storage.take([0, 1, 0, 0])

    assert storage.item(0) is batch[0]
    assert 4 == len({id(item) for item in batch})
    assert 3 == len({id(item.data["obs"]) for item in (batch[0], batch[2], batch[3])})
    assert 3 == len({id(item.meta["a"]) for item in (batch[0], batch[2], batch[3])})


def test_what_was_dropped_replaced_or_cleared_is_let_go():
    storage = ObjectStorage()
    seen = [weakref.ref(storage.put(slot, Thing(), str(slot), {}).data) for slot in range(4)]
    storage.drop([0])
    storage.put(1, "new", "5", {})
    storage.write(2, "new", None)
    gc.collect()
    assert [True, True, True, False] == [ref() is None for ref in seen]
    storage.clear()
    gc.collect()
    assert seen[3]() is None


@pytest.mark.parametrize("anything", [None, 5, "text", [], object(), np.zeros(3)])
def test_it_takes_anything_and_says_so(anything):
    storage = ObjectStorage()

    assert storage.strict is False
    assert storage.check(anything, {"any": anything}) is None  # type: ignore[func-returns-value]
    assert anything is storage.put(0, anything, "x", {}).data


def test_it_has_nothing_to_count():
    assert {} == ObjectStorage().stats()

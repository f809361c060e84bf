from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.storages.stream_reader import StreamReader

STORAGES = [ObjectStorage, ColumnStorage]


def read(storage, items, stream="env", episode="episode", ends=("terminated", "truncated", "done")):
    """Returns the streams and the ends of pushed (payload, meta) pairs, read one by one and all at once."""
    buffer = DequeBuffer(9, storage=storage())
    for data, meta in items:
        buffer.push(data, meta)
    reader = StreamReader(buffer.store, stream, episode, ends)
    slots = buffer.store.ring.live()
    single = [reader.read_one(slot) for slot in slots.tolist()]
    streams, over = reader.read(slots)
    listed = [None] * len(slots) if streams is None else list(streams)
    assert reader.unnamed or single == list(zip(listed, over.tolist(), strict=True))
    return listed, over.tolist(), reader


@pytest.mark.parametrize("storage", STORAGES)
def test_an_item_ends_its_episode_if_one_of_the_flags_is_true(storage):
    flags = [(False, False), (True, False), (False, True)]
    items = [({"terminated": one, "x": 1}, {"truncated": other}) for one, other in flags]

    assert [False, True, True] == read(storage, items)[1]
    assert [False, False, True] == read(storage, items, ends=("truncated", None))[1]
    assert [False] * 3 == read(storage, items, ends=())[1]


@pytest.mark.parametrize("storage", STORAGES)
def test_a_field_of_the_payload_comes_before_the_meta(storage):
    assert [False, True] == read(
        storage, [({"done": False}, {"done": True}), ({"done": True}, {"done": False})]
    )[1]


def tensor(flag):
    return pytest.importorskip("torch").tensor([flag])


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("make", [bool, int, float, np.bool_, lambda flag: np.array([flag]), tensor])
def test_flags_come_in_many_forms(storage, make):
    assert [False, True] == read(storage, [({"done": make(False)}, {}), ({"done": make(True)}, {})])[1]


@pytest.mark.parametrize("storage", STORAGES)
def test_of_several_flags_in_one_field_one_is_enough(storage):
    items: list[Any] = [({"done": np.array(flags)}, {}) for flags in ([False, False], [False, True])]

    assert [False, True] == read(storage, items)[1]


@pytest.mark.parametrize("storage", STORAGES)
def test_a_payload_without_fields_has_its_flags_in_the_meta(storage):
    assert [False, True, False] == read(storage, [(1.0, {}), (2.0, {"done": True}), (3.0, {"done": None})])[1]


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize(
    ("metas", "expected"),
    [
        ([{}, {}], [None, None]),
        ([{"env": 1}, {"env": 2}], [1, 2]),
        ([{"env": "a"}, {}], ["a", None]),
        ([{"env": np.int64(3)}, {"env": np.array(3)}], [3, 3]),
        ([{"env": 1, "episode": 7}, {"env": 1}], [(1, 7), 1]),
        ([{"episode": 7}, {"episode": 8}], [(None, 7), (None, 8)]),
    ],
)
def test_a_stream_is_named_by_env_and_episode(storage, metas, expected):
    assert expected == read(storage, [({"x": 1}, meta) for meta in metas])[0]


@pytest.mark.parametrize("storage", STORAGES)
def test_without_keys_all_are_one_stream(storage):
    items = [({"x": 1}, {"env": 1, "episode": 2}), ({"x": 1}, {"env": 2})]

    assert [None, None] == read(storage, items, stream=None, episode=None)[0]


@pytest.mark.parametrize("storage", STORAGES)
def test_a_name_without_a_hash_is_a_stream_of_its_own_and_counted(storage):
    streams, over, reader = read(storage, [({"x": 1}, {"env": [1]}), ({"x": 1}, {"env": [1]})])

    assert streams[0] != streams[1]
    assert [True, True] == over
    assert 4 == reader.unnamed  # each was read twice


def test_it_says_which_metas_matter():
    assert {"env", "done"} == StreamReader(DequeBuffer(1).store, "env", None, ("done", None)).meta_keys


def test_after_clear_another_schema_is_read():
    buffer = DequeBuffer(9, storage=ColumnStorage())
    reader = StreamReader(buffer.store, None, None, ("done",))
    buffer.push({"done": True})
    assert (None, True) == reader.read_one(0)
    buffer.clear()
    buffer.push({"x": 1}, {"done": True})

    assert (None, True) == reader.read_one(0)
    assert [True] == reader.read(np.array([0]))[1].tolist()


@pytest.mark.parametrize("storage", STORAGES)
def test_of_nothing_there_is_nothing(storage):
    assert [] == read(storage, [])[1]

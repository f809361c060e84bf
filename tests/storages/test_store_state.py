from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import CorruptSnapshot, SchemaError
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.storages.store_state import read_state
from tests.storages.stores import made

STORAGES = [ObjectStorage, ColumnStorage]


def worn(storage: Any) -> Any:
    """A store of six slots in which much has happened: 3 to 8 came last, 4 is gone, and it keeps groups."""
    store = made(9, 6, storage())
    store.grouped("env")
    store.delete(store.slots_of([store.storage.item(store.live()[1]).index]))
    store.rng.random(5)
    return store


def read(
    state: Any, capacity: int = 6, storage: Any = None, grouped_by: Any = (), room: int | None = None
) -> Any:
    return read_state(state, capacity, storage or ObjectStorage(), grouped_by, room or capacity)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("other", STORAGES)
def test_a_state_tells_everything_a_store_is_made_of(storage, other):
    store = worn(storage)
    loaded = read(copy.deepcopy(store.state_dict()), storage=other())

    assert store.live() == loaded.ring.live().tolist()
    assert [item.index for item in store.items(store.live())] == loaded.names
    assert [item.meta["env"] for item in store.items(store.live())] == loaded.content.values("env")
    assert store.groups["env"].order() == loaded.groups["env"].order()
    assert store.counts == loaded.counts
    assert store.rng.random() == loaded.rng.random()


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("capacity", [1, 3, 5, 9])
def test_another_capacity_keeps_the_newest(storage, capacity):
    store = worn(storage)
    items = store.items(store.live())[-capacity:]
    loaded = read(store.state_dict(), capacity, storage())

    assert [item.index for item in items] == loaded.names
    assert list(range(len(items))) == loaded.ring.live().tolist()
    assert [item.meta["env"] for item in items] == loaded.content.values("env")
    loaded.ring.check()
    loaded.groups["env"].check()


@pytest.mark.parametrize("storage", STORAGES)
def test_less_room_than_slots_keeps_the_newest_too(storage):
    store = worn(storage)
    loaded = read(store.state_dict(), storage=storage(), room=2)

    assert [item.index for item in store.items(store.live())[-2:]] == loaded.names
    assert [0, 1] == loaded.ring.live().tolist()


def test_groups_that_the_store_keeps_are_made_where_none_were_saved():
    loaded = read(made(4).state_dict(), grouped_by=["env"])

    assert [[0, 2], [1, 3]] == [group.slots for group in loaded.groups["env"].groups]


@pytest.mark.parametrize("storage", STORAGES)
def test_reading_changes_nothing(storage):
    store = worn(storage)
    before = [(item.index, item.data, item.meta) for item in store.items(store.live())]
    read(store.state_dict(), 2, store.storage)

    assert before == [(item.index, item.data, item.meta) for item in store.items(store.live())]


DAMAGE: list[dict[str, Any]] = [
    {"order": {}},
    {"order": None},
    {"index": {"starts": [0], "prefixes": []}},
    {"storage": {}},
    {"storage": {"data": [1], "meta": [{}]}},
    {"rng": {"bit_generator": "no such"}},
    {"rng": 5},
    {"groups": {"env": [99, 1]}},
    {"groups": {"env": ["x"]}},
    {"groups": 3},
    {"counts": {"deleted": "many"}},
    {"counts": None},
]


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("damage", DAMAGE, ids=str)
def test_a_state_that_does_not_fit_together_is_refused(storage, damage):
    state = {**worn(storage).state_dict(), **damage}

    with pytest.raises(CorruptSnapshot, match="The saved state does not fit together"):
        read(state, storage=storage())


@pytest.mark.parametrize("part", ["order", "index", "storage", "groups", "rng", "counts"])
def test_a_state_that_lacks_a_part_is_refused(part):
    state = worn(ObjectStorage).state_dict()
    del state[part]

    with pytest.raises(CorruptSnapshot, match=part):
        read(state)


def test_what_the_storage_does_not_take_is_told_as_what_it_is():
    store = made(0)
    store.extend([1, "text"], None)

    with pytest.raises(SchemaError, match="expected one int64, got the str 'text'"):
        read(store.state_dict(), storage=ColumnStorage())


def test_a_spec_is_kept_to():
    store = made(3, storage=ColumnStorage())

    loaded = read(store.state_dict(), storage=ColumnStorage(np.int8))
    assert np.int8 == loaded.content.schema.fields[0].dtype
    with pytest.raises(SchemaError):
        read(store.state_dict(), storage=ColumnStorage({"n": np.int64}))

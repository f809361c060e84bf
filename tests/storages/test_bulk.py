from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.errors import BadArgument, SchemaError
from ding_buffer.core.item import BufferedData
from ding_buffer.storages.bulk import extend_columns
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from tests.storages.stores import made, payloads


def columns(capacity=4, count=0):
    return made(count, capacity, ColumnStorage())


class Listener:
    """Notes what it is told, and what lay where it happened."""

    def __init__(self, store):
        self.told: list[Any] = []
        store.tell = lambda event, slots: self.told.append(
            (event, list(slots), [store.storage.item(int(slot)).data for slot in slots])
        )


def everything(store):
    return (
        [(item.index, item.data, item.meta) for item in store.items(store.live())],
        store.stats(),
        {key: index.order() for key, index in store.groups.items()},
    )


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 8, 11])
@pytest.mark.parametrize("held", [0, 2, 4])
def test_many_come_to_lie_where_they_would_one_by_one(count, held):
    at_once, one_by_one = columns(4, held), made(held, 4, ObjectStorage())
    numbers = range(10, 10 + count)
    batch = extend_columns(at_once, list(numbers), {"env": [number % 3 for number in numbers]})
    items = one_by_one.extend(list(numbers), {"env": [number % 3 for number in numbers]})

    assert [(item.data, item.meta) for item in items] == [(item.data, item.meta) for item in batch]
    assert one_by_one.live() == at_once.live()
    assert payloads(one_by_one) == payloads(at_once)
    assert [item.index for item in at_once.items(at_once.live())][-count:] == list(batch.index)[
        -4:
    ] or not count
    at_once.check()


@given(data=st.data(), capacity=st.integers(1, 7))
def test_slots_are_those_of_objects_whatever_was_deleted_before(data, capacity):
    stores = [columns(capacity), made(0, capacity, ObjectStorage())]
    for store in stores:
        store.grouped("env")
    made_so_far = 0
    for _ in range(data.draw(st.integers(1, 8))):
        count = data.draw(st.integers(0, 2 * capacity + 1))
        envs = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
        gone = data.draw(st.lists(st.integers(0, capacity - 1), max_size=3))
        for store in stores:
            store.extend(list(range(made_so_far, made_so_far + count)), {"env": envs})
            live = store.live()
            store.delete(np.array([live[place] for place in gone if place < len(live)], dtype=np.int64))
            store.check()
        made_so_far += count

        assert stores[1].live() == stores[0].live()
        assert payloads(stores[1]) == payloads(stores[0])
        assert stores[1].groups["env"].order() == stores[0].groups["env"].order()
        assert stores[1].stats()["evicted"] == stores[0].stats()["evicted"]


def test_layers_hear_of_many_at_once_and_of_the_evicted_before_they_are_gone():
    store = columns(4, 2)
    listener = Listener(store)
    extend_columns(store, list(range(10, 18)), None)

    assert [
        ("on_filled", [2, 3], [10, 11]),
        ("on_evicted", [0, 1, 2], [0, 1, 10]),
        ("on_filled", [0, 1, 2], [12, 13, 14]),
        ("on_evicted", [3, 0, 1], [11, 12, 13]),
        ("on_filled", [3, 0, 1], [15, 16, 17]),
    ] == listener.told


def test_none_are_stored_silently():
    store = columns(4, 2)
    listener = Listener(store)

    assert [] == list(extend_columns(store, [], None))
    assert [] == listener.told


@pytest.mark.parametrize(
    ("batch", "meta", "error"),
    [
        ([5, "text"], None, SchemaError),
        (np.array([0.5]), None, SchemaError),
        ([5, 6], {"env": [1]}, BadArgument),
        ([5, 6], [{}], BadArgument),
        ([5, 6], {"env": [1, [2]]}, BadArgument),
        ([5, 6], [{"env": 1}, {"env": {}}], BadArgument),
    ],
)
def test_what_one_is_refused_for_refuses_all(batch, meta, error):
    store = columns(4, 4)
    store.grouped("env")
    listener, before = Listener(store), everything(store)

    with pytest.raises(error):
        extend_columns(store, batch, meta)

    assert before == everything(store)
    assert [] == listener.told


def test_the_returned_batch_tells_what_was_stored():
    store = columns()
    batch = extend_columns(store, [5, 6, 7], [{"env": 1, "tags": [1]}, {"tags": [1, 2]}, {"env": 2}])

    assert [(5, {"env": 1, "tags": [1]}), (6, {"tags": [1, 2]}), (7, {"env": 2})] == [
        (item.data, item.meta) for item in batch
    ]
    assert store.live() == batch.slots.tolist() == store.slots_of(batch.index).tolist()
    assert all(isinstance(item, BufferedData) for item in batch)


@pytest.mark.parametrize("values", [["a", 1], [[1], [2, 3]], [[1, 2], [3, 4]], [2**70, 1], [True, 2]])
def test_metas_of_any_kind_come_back_as_they_were(values):
    store = columns()
    batch = extend_columns(store, [5, 6], {"x": values})

    for found in (batch, store.storage.take(batch.slots)):
        assert values == [item.meta["x"] for item in found]
        assert [type(value) for value in values] == [type(item.meta["x"]) for item in found]


def test_the_returned_columns_hold_what_was_given_and_are_not_what_is_stored():
    store, given_columns = made(0, 4, ColumnStorage()), {"n": np.arange(3), "obs": np.zeros((3, 2))}
    batch = extend_columns(store, given_columns, None)

    assert [0, 1, 2] == batch.data["n"].tolist()
    given_columns["obs"][:] = batch.data["obs"][:] = 9
    assert [0.0, 0.0] == store.storage.item(1).data["obs"].tolist()


@pytest.mark.parametrize("places", [slice(None), slice(None, None, -1), slice(1, 3)])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_columns_that_lie_in_the_storage_itself_are_stored_as_they_were(places, kind):
    store = made(0, 4, ColumnStorage({"obs": (np.float64, (2,)), "n": kind}))
    store.extend({"obs": np.arange(8.0).reshape(4, 2), "n": np.arange(4).astype(kind)}, None)
    given_columns = {key: store.storage.table.column((key,))[places] for key in ("obs", "n")}
    numbers = given_columns["n"].tolist()
    batch = store.extend(given_columns, None)

    expected = [*range(4), *numbers][-4:]
    assert [(number, 2 * number) for number in expected] == [
        (one["n"], one["obs"][0]) for one in payloads(store)
    ]
    assert numbers == batch.data["n"].tolist()
    store.check()


SPOILT = [
    {"obs": np.zeros(3, np.float32), "n": 1},
    {"obs": np.zeros(2, np.float32), "n": 0.5},
    {"obs": np.zeros(2, np.float32)},
    {"obs": np.zeros(2, np.float32), "n": 1, "more": 2},
    7,
]


@pytest.mark.parametrize("spoilt", SPOILT, ids=range(len(SPOILT)))
@pytest.mark.parametrize("place", [0, 1, 4])
def test_one_payload_that_does_not_fit_refuses_a_list_and_is_named(spoilt, place):
    store = made(0, 4, ColumnStorage())
    rows: list[Any] = [{"obs": np.full(2, number, np.float32), "n": number} for number in range(5)]
    store.extend(rows, None)
    listener, before = Listener(store), [item.data["n"] for item in store.items(store.live())]
    rows[place] = spoilt

    with pytest.raises(SchemaError, match=rf"(^Row {place}: |in row {place}: )"):
        store.extend(rows, [{"env": number} for number in range(5)])

    assert before == [item.data["n"] for item in store.items(store.live())] == [1, 2, 3, 4]
    assert [] == listener.told


@given(
    capacity=st.integers(1, 6),
    counts=st.lists(st.integers(0, 9), min_size=1, max_size=5),
    form=st.sampled_from(["rows", "columns", "other rows"]),
)
def test_what_comes_in_at_once_lies_where_objects_would(capacity, counts, form):
    stores = [made(0, capacity, ColumnStorage({"obs": (np.float32, (2,)), "n": np.int64}))]
    stores.append(made(0, capacity, ObjectStorage()))
    begin = 0
    for count in counts:
        numbers = np.arange(begin, begin + count)
        rows: list[dict[str, Any]] = [
            {"obs": np.full(2, number, np.float32), "n": int(number)} for number in numbers
        ]
        columns = {"n": numbers, "obs": np.repeat(numbers, 2).reshape(-1, 2).astype(np.float32)}
        batch = {
            "rows": rows,
            "columns": columns,
            "other rows": [{**row, "n": np.int32(row["n"])} for row in rows],
        }
        metas = [{"env": int(number)} for number in numbers]
        made_of = [store.extend(batch[form] if store is stores[0] else rows, metas) for store in stores]
        assert [item.data["n"] for item in made_of[1]] == [item.data["n"] for item in made_of[0]]
        assert [item.meta for item in made_of[1]] == [item.meta for item in made_of[0]]
        begin += count

        assert stores[1].live() == stores[0].live()
        found = [
            [(item.data["n"], *item.data["obs"].tolist(), item.meta) for item in store.items(store.live())]
            for store in stores
        ]
        assert found[1] == found[0]
        stores[0].check()


def test_the_stored_rows_of_a_list_are_not_those_returned():
    store = made(0, 4, ColumnStorage())
    rows: list[dict[str, Any]] = [{"obs": np.full(2, number, np.float32), "n": number} for number in range(3)]
    batch = store.extend(rows, [{"env": 1}, {"env": 2}, {"env": 3}])
    batch.data["obs"][:] = rows[1]["obs"][:] = 9
    batch.meta["env"][:] = 9

    assert [1.0, 1.0] == store.storage.item(1).data["obs"].tolist()
    assert 2 == store.storage.item(1).meta["env"]


def test_payloads_without_fields_are_counted():
    store = made(0, 4, ColumnStorage())
    batch = store.extend([{}, {}, {}], {"env": [1, 2, 3]})

    assert [{}, {}, {}] == [item.data for item in batch] == payloads(store)
    assert [1, 2, 3] == [item.meta["env"] for item in store.items(store.live())]
    store.check()


def test_trees_come_back_as_trees():
    trees, torch = pytest.importorskip("treetensor.torch"), pytest.importorskip("torch")
    for many in (
        [trees.Tensor({"n": torch.tensor(n)}) for n in range(3)],
        trees.Tensor({"n": torch.arange(3)}),
    ):
        store = made(0, 4, ColumnStorage())
        batch = store.extend(many, None)

        for found in ([item.data for item in batch], payloads(store)):
            assert [trees.Tensor] * 3 == list(map(type, found))
            assert [0, 1, 2] == [int(tree.n) for tree in found]

"""Items, slots, groups, ranges and states of a store; what it tells: see the other file."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument, CorruptSnapshot
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.store import Store
from tests.storages.event_notes import Notes
from tests.storages.stores import made, payloads


def test_items_come_in_order_and_the_oldest_gives_way():
    store = made(6)

    assert [2, 3, 4, 5] == payloads(store)
    assert 4 == len(store)
    store.check()


def test_a_meta_that_is_no_dict_is_refused_with_nothing_changed():
    store = made(2)

    with pytest.raises(BadArgument, match="meta must be a dict, got list"):
        store.push(0, [])
    assert [0, 1] == payloads(store)
    store.check()


def test_slots_are_found_by_index_texts_of_any_form_and_by_slots():
    store = made(4)
    texts = [store.storage.item(slot).index for slot in range(4)]

    assert [2] == store.slots_of(texts[2]).tolist()
    for many in (
        texts,
        tuple(texts),
        iter(texts),
        np.array(texts),
        [texts[:2], texts[2:]],
        dict.fromkeys(texts),
    ):
        assert [0, 1, 2, 3] == store.slots_of(many).tolist()
    assert [] == store.slots_of([]).tolist()
    assert (store.slots_of([texts[0], "unknown", ""]) >= 0).tolist() == [True, False, False]
    assert [3, -1, -1, 0] == store.slots_of(np.array([3, 4, -1, 0], dtype=np.int32)).tolist()
    assert np.dtype(np.int64) == store.slots_of(np.array([1], dtype=np.uint8)).dtype
    store.delete(np.array([1]))
    assert [0, -1, 2] == store.slots_of(np.array([0, 1, 2])).tolist()
    assert -1 == store.slot_of(texts[1])


@pytest.mark.parametrize("wrong", [5, None, [5], [None], [["x"], 5], 1.5, np.array([1.5])])
def test_what_is_no_index_is_refused(wrong):
    with pytest.raises(BadArgument, match="An index is a str"):
        made(2).slots_of(wrong)


def test_groups_are_kept_from_the_first_time_they_are_asked_for():
    store = made(4)
    index = store.grouped("env")
    store.push(9, {"env": 7})
    store.update([1], None, [{"env": 7}])
    store.delete(np.array([3]))

    assert index is store.grouped("env")
    assert {0: [2], 7: [1, 0]} == {group.value: group.slots[group.head :] for group in index.groups}
    store.check()


def test_a_push_that_waited_for_nobody_is_grouped_too():
    store = made(1)
    store.grouped("env")
    store.push(5, {"env": 3})
    assert 2 == len(store.grouped("env"))
    store.clear()
    assert 0 == len(store.grouped("env"))
    store.push(6, {"env": 3})
    store.check()


@pytest.mark.parametrize("wrong", [[1], {}, np.zeros(2)])
def test_a_value_that_cannot_name_a_group_is_refused_with_nothing_changed(wrong):
    store = made(4)
    store.grouped("env")
    with pytest.raises(BadArgument, match="cannot name a group"):
        store.push(9, {"env": wrong})
    with pytest.raises(BadArgument, match="cannot name a group"):
        store.update([0, 1], [7, 8], [{"env": 5}, {"env": wrong}])
    assert [0, 1, 2, 3] == payloads(store)
    store.check()
    store = made(2)
    store.push(9, {"env": wrong})
    with pytest.raises(BadArgument, match="cannot name a group"):
        store.grouped("env")
    assert {} == store.groups


@pytest.mark.parametrize(
    "sample_range",
    [
        None,
        slice(3),
        slice(-3, None),
        slice(1, 99),
        slice(None, None, 2),
        slice(8, 1, -3),
        slice(5, 5),
        slice(-99, 2),
    ],
)
def test_a_range_means_what_it_means_for_a_list(sample_range):
    store = made(10, capacity=10)
    right = list(range(10)) if sample_range is None else list(range(10))[sample_range]

    assert right == list(store.positions(sample_range))
    assert right == [
        store.storage.item(slot).data for slot in store.slots_in(store.positions(sample_range)).tolist()
    ]


def test_ranges_within_ranges_are_taken_in_turn():
    store = made(10, capacity=10)

    assert [4, 6] == list(store.positions((slice(2, 8), slice(2, None, 2))))
    assert [8, 9] == list(store.positions([slice(5, None), slice(-2, None)]))
    assert list(range(10)) == list(store.positions(()))


@pytest.mark.parametrize(
    "wrong", [5, "1:3", range(3), [slice(1), 5], slice("a", None), slice(0, 5, 0), slice(1.5)]
)
def test_what_is_no_range_is_refused(wrong):
    with pytest.raises(BadArgument, match="sample_range"):
        made(4).positions(wrong)


def test_counts_tell_what_came_and_went():
    store = made(7)
    store.delete(np.array([0, 1]))
    store.clear()
    store.push(1, None)
    stats = store.stats()

    assert (8, 3, 2, 2, 1, 4) == tuple(
        stats[key] for key in ("pushed", "evicted", "deleted", "cleared", "size", "capacity")
    )


def test_a_copy_shares_nothing_and_writes_other_indices():
    store = made(4)
    store.grouped("env")
    store.attach(Notes())
    for twin in (copy.deepcopy(store), pickle.loads(pickle.dumps(store))):
        twin.check()
        assert payloads(store) == payloads(twin)
        assert [item.index for item in store.items(store.live())] == [
            item.index for item in twin.items(twin.live())
        ]
        one, other = copy.deepcopy(store).push(9, None), twin.push(9, None)
        assert one.index != other.index
        assert [0, 1, 2, 3] == payloads(store)
        assert twin.slot_of(one.index) == -1
        assert store.lock is not twin.lock


def test_a_state_brings_back_items_order_groups_and_draws():
    store, loaded = made(9, capacity=8), made(3, capacity=8)
    store.grouped("env")
    store.delete(np.array([1, 4]))
    loaded.grouped("other")
    loaded.load_state_dict(copy.deepcopy(store.state_dict()))

    loaded.check()
    assert payloads(store) == payloads(loaded)
    assert store.live() == loaded.live()
    assert store.stats() == loaded.stats()
    assert ["env", "other"] == sorted(loaded.groups)
    assert store.rng.random() == loaded.rng.random()
    for _ in range(5):
        assert store.push(1, {}).index != loaded.push(1, {}).index
        assert store.live() == loaded.live()
    loaded.check()


@pytest.mark.parametrize(
    ("capacity", "kept"), [(2, [7, 8]), (6, [2, 3, 5, 6, 7, 8]), (20, [1, 2, 3, 5, 6, 7, 8])]
)
def test_w19_a_state_of_another_capacity_leaves_its_own_and_keeps_the_newest(capacity, kept):
    store, loaded = made(9, capacity=8), made(1, capacity=capacity)
    store.grouped("env")
    store.delete(np.array([4]))
    loaded.load_state_dict(store.state_dict())

    loaded.check()
    assert (capacity, kept) == (loaded.capacity, payloads(loaded))
    assert 9 - 1 - len(kept) == loaded.stats()["evicted"]
    texts = {item.data: item.index for item in store.items(store.live())}
    assert [texts[data] for data in kept] == [item.index for item in loaded.items(loaded.live())]
    loaded.push(99, {"env": 1})
    loaded.check()


def spoiled(**changes):
    return _changed(made(6).state_dict(), changes)


def holed(**changes):
    store = made(6)
    store.delete(np.array([store.live()[1]]))
    return _changed(store.state_dict(), changes)


def _changed(state, changes):
    for path, value in changes.items():
        *parents, last = path.split("__")
        part = state
        for parent in parents:
            part = part[parent]
        part[last] = value
    return state


@pytest.mark.parametrize(
    "state",
    [
        {},
        spoiled(order__first=3),
        spoiled(order__first=2**70, order__next=2**70 + 4),
        spoiled(order__first="abcd"),
        spoiled(order__base=5),
        spoiled(order__next=3),
        spoiled(order__capacity=float("inf")),
        holed(order__serials=[1, 2]),
        holed(order__serials=[2, 3, 2**70]),
        holed(order__capacity=7, order__serials=[5, 4, 3]),
        holed(order__slots=[0, 0, 1]),
        spoiled(storage__data=[1]),
        spoiled(storage__meta=[1, 2, 3, 4]),
        spoiled(storage__meta=[{"env": []}] * 4, groups={"env": []}),
        spoiled(index__starts=[1]),
        spoiled(index__prefixes=["x"]),
        spoiled(rng={"bit_generator": "MT19937"}),
        spoiled(groups={"env": [0]}),
        spoiled(counts=[]),
    ],
)
def test_a_state_that_does_not_fit_together_is_refused_with_nothing_changed(state):
    store, notes = made(3), Notes()
    store.grouped("env")
    store.attach(notes)
    before = [item.index for item in store.items(store.live())]

    with pytest.raises(CorruptSnapshot, match="does not fit together"):
        store.load_state_dict(state)
    assert before == [item.index for item in store.items(store.live())]
    assert [] == notes.heard
    store.check()


def test_what_does_not_fit_together_is_noticed():
    store = made(4)
    store.check()
    store.ring.count = 3

    with pytest.raises(ValueError, match="positions"):
        store.check()


def test_an_index_is_that_of_its_item_also_after_many_came_at_once():
    store = Store(10_000, ColumnStorage({"number": int}), seed=0)
    for number, many in ((0, 5000), (5001, 4095), (9097, 9000)):
        assert store.slot_of(store.push({"number": number}, None).index) == store.ring.slot_at(len(store) - 1)
        store.extend({"number": np.arange(many)}, None)
    item = store.push({"number": -1}, None)

    assert item.index == store.storage.item(store.ring.slot_at(len(store) - 1)).index

"""How what is stored is updated, deleted and cleared."""

from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument
from tests.buffers.number_buffers import filled, raises, values

# update.


def test_w1_an_update_after_deletions_finds_the_right_item():
    buffer = filled(10)
    items = list(buffer)
    buffer.delete(items[4].index)

    for item in items[:4] + items[5:]:
        assert buffer.update(item.index, data=item.data * 100)
    assert [0, 100, 200, 300, 500, 600, 700, 800, 900] == values(buffer)
    assert 9 == len(buffer.indices)
    new = buffer.push(99)
    assert new is buffer.get_by_index(new.index)


def test_an_update_of_one_replaces_its_meta_and_keeps_what_is_not_given():
    buffer = filled(3)
    item = buffer[1]

    assert buffer.update(item.index, meta={"new": 1}) is True
    assert (1, {"new": 1}) == (buffer[1].data, buffer[1].meta)
    assert buffer.update(item.index, data="other") is True
    assert ("other", {"new": 1}) == (buffer[1].data, buffer[1].meta)
    assert buffer.update(item.index) is True
    assert buffer.update(index=item.index, data=None, meta={}) is True
    assert ("other", {}) == (buffer[1].data, buffer[1].meta)
    assert item is buffer[1]


def test_the_meta_of_one_is_kept_by_reference():
    buffer, meta = filled(3), {"a": 1}
    buffer.update(buffer[0].index, None, meta)

    assert meta is buffer[0].meta


def test_an_update_of_many_sets_each_key_and_keeps_the_others():
    buffer = filled(4)
    indices = [item.index for item in buffer]
    there = buffer.update([indices[2], indices[0]], meta={"priority": np.array([0.5, 0.25]), "seen": True})

    assert np.dtype(bool) == there.dtype
    assert [True, True] == there.tolist()
    assert {"env": 2, "number": 2, "priority": 0.5, "seen": True} == buffer[2].meta
    assert 0.25 == buffer[0].meta["priority"]
    assert "priority" not in buffer[1].meta


def test_an_update_of_many_replaces_payloads():
    buffer = filled(4)
    indices = [item.index for item in buffer]

    assert buffer.update(tuple(indices[1:3]), data=["x", "y"]).all()
    assert [0, "x", "y", 3] == values(buffer)
    assert buffer.update(np.array(indices[:2]), data=["a", "b"], meta={}).all()
    assert ["a", "b", "y", 3] == values(buffer)
    assert {"env": 0, "number": 0} == buffer[0].meta


def test_an_item_updated_twice_at_once_keeps_the_last():
    buffer = filled(2)
    index = buffer[0].index

    assert buffer.update([index, index], data=["x", "y"], meta={"a": [1, 2], "b": [3, 4]}).tolist() == [
        True,
        True,
    ]
    assert ("y", 2, 4) == (buffer[0].data, buffer[0].meta["a"], buffer[0].meta["b"])


def test_items_can_be_updated_by_their_slots():
    buffer = filled(3)
    slots = buffer.store.slots_of([buffer[2].index, buffer[1].index])

    assert buffer.update(slots, meta={"a": [1, 2]}).all()
    assert [None, 2, 1] == [item.meta.get("a") for item in buffer]
    assert [False] == buffer.update(np.array([9]), meta={"a": 1}).tolist()


def test_late_updates_are_told_and_counted():
    buffer = filled(3, size=2)
    gone = filled(1)[0].index
    held = buffer[0].index

    assert buffer.update(gone, meta={"a": 1}) is False
    assert [False, True, False] == buffer.update([gone, held, "nonsense"], meta={"a": [1, 2, 3]}).tolist()
    assert 2 == buffer[0].meta["a"]
    assert [] == buffer.update([], meta={"a": []}).tolist()
    assert 3 == buffer.stats()["late_updates"]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"data": [1]}, "1 payloads for 2 indices"),
        ({"meta": {"a": [1]}}, r"meta\['a'\] has 1 values for 2 items"),
        ({"meta": 5}, "meta must be a dict, got int"),
        ({"meta": [{}, {}]}, "meta must be a dict, got list"),
    ],
)
def test_what_does_not_fit_the_many_is_refused_with_nothing_changed(arguments, what):
    buffer = filled(2)
    with raises(BadArgument, TypeError, ValueError, match=what):
        buffer.update([buffer[0].index, buffer[1].index], **arguments)
    assert [0, 1] == values(buffer)
    assert {"env": 1, "number": 1} == buffer[1].meta


@pytest.mark.parametrize("wrong", [5, None, 1.5])
def test_what_is_no_index_is_refused_everywhere(wrong):
    buffer = filled(2)
    for act in (
        buffer.update,
        buffer.delete,
        buffer.get_by_index,
        lambda index: buffer.sample(indices=[index]),
    ):
        with raises(BadArgument, TypeError, match=r"An index is a str \(item.index\)"):
            act(wrong)
    with raises(BadArgument, TypeError, match="got BufferedData"):
        buffer.delete(buffer[0])
    assert 2 == len(buffer)


# delete and clear.


def test_deletions_take_one_index_or_any_iterable_and_ignore_what_is_gone():
    buffer = filled(10)
    indices = [item.index for item in buffer]

    assert 1 == buffer.delete(indices[0])
    assert 0 == buffer.delete(indices[0])
    assert 0 == buffer.delete("nonsense")
    assert 2 == buffer.delete([indices[1], indices[2], "nonsense"])
    assert 1 == buffer.delete(index for index in indices[2:4])
    assert 1 == buffer.delete({indices[4]})
    assert 1 == buffer.delete(np.array([indices[5]]))
    assert 0 == buffer.delete([])
    assert [6, 7, 8, 9] == values(buffer)
    assert 6 == buffer.stats()["deleted"]


def test_w8_an_index_named_twice_deletes_no_neighbour():
    buffer = filled(5)
    index = buffer[2].index

    assert 1 == buffer.delete([index, index, index])
    assert [0, 1, 3, 4] == values(buffer)


def test_an_index_that_was_deleted_is_never_used_again():
    buffer = filled(5, size=5)
    gone = buffer[2].index
    buffer.delete(gone)
    new = {buffer.push(number).index for number in range(20)}

    assert gone not in new
    assert not buffer.indices.has(gone)


def test_scattered_deletions_leave_order_and_room():
    buffer = filled(100, size=100)
    buffer.delete([item.index for item in buffer][::3])
    buffer.extend(range(100, 120))

    assert [*(number for number in range(100) if number % 3), *range(100, 120)] == values(buffer)
    buffer.store.check()


def test_clear_leaves_nothing_and_goes_on():
    buffer = filled(5)
    gone = buffer[0].index
    buffer.sample(1, groupby="env")

    assert buffer.clear() is None
    assert 0 == len(buffer) == len(buffer.indices)
    assert not buffer.indices.has(gone)
    buffer.push(7, {"env": 5})
    assert [7] == values(buffer)
    assert [[7]] == [values(group) for group in buffer.sample(1, groupby="env")]
    assert 5 == buffer.stats()["cleared"]

"""What goes in, changes and goes out, and how it is read; sampling, copies, layers: see the other files."""

from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, DingBufferError, NoSuchPosition, UnknownIndex
from ding_buffer.core.item import BufferedData
from ding_buffer.storages.object_storage import ObjectStorage


def filled(count, size=10, **options):
    buffer = DequeBuffer(size, seed=0, **options)
    for number in range(count):
        buffer.push(number, {"env": number % 3, "number": number})
    return buffer


def values(items):
    return [item.data for item in items]


def raises(*kinds, match):
    """Expects an error that is each of these kinds, the root of the house among them."""
    for kind in (DingBufferError, *kinds):
        assert issubclass(kinds[0], kind)
    return pytest.raises(kinds[0], match=match)


# Making one.


@pytest.mark.parametrize("wrong", [0, -1, True, False])
def test_a_size_below_one_is_refused(wrong):
    with raises(BadArgument, ValueError, match="size must be at least 1"):
        DequeBuffer(wrong)


@pytest.mark.parametrize("wrong", [None, 2.5, "10", [1]])
def test_a_size_that_is_no_int_is_refused(wrong):
    with raises(BadArgument, TypeError, match="size must be an int"):
        DequeBuffer(wrong)


def test_a_size_of_numpy_will_do():
    buffer = DequeBuffer(np.int64(3))

    assert (3, 3) == (buffer.size, buffer.capacity)


def test_the_defaults_a_config_may_change_are_those_of_the_constructor():
    config = DequeBuffer.default_config()

    assert {"type": "deque", "sliced": False, "storage": None, "seed": None} == dict(config)
    assert config.sliced is False


def test_it_is_always_true_and_says_what_it_holds():
    buffer = DequeBuffer(5)

    assert bool(buffer)
    assert "DequeBuffer(0 of 5 items)" == repr(buffer)
    assert 0 == len(buffer) == buffer.count()


# push and extend.


def test_a_push_returns_the_stored_item_which_holds_data_and_meta_by_reference():
    buffer, data, meta = DequeBuffer(3), [1], {"a": 2}
    item = buffer.push(data, meta)

    assert isinstance(item, BufferedData)
    assert item is buffer[0]
    assert data is item.data
    assert meta is item.meta
    assert {} == buffer.push(1).meta
    assert buffer.push(1).meta is not buffer.push(1).meta


def test_data_and_meta_can_be_given_by_place_or_by_name():
    buffer = DequeBuffer(5)
    for item in (
        buffer.push(1, {"a": 2}),
        buffer.push(1, meta={"a": 2}),
        buffer.push(data=1, meta={"a": 2}),
    ):
        assert (1, {"a": 2}) == (item.data, item.meta)


def test_indices_are_opaque_texts_and_never_repeat():
    buffer = DequeBuffer(2)
    indices = {buffer.push(number).index for number in range(100)}
    indices |= {DequeBuffer(2).push(0).index for _ in range(100)}

    assert 200 == len(indices)
    assert {32} == {len(index) for index in indices}


def test_when_full_the_oldest_gives_way():
    assert [15, 16, 17, 18, 19] == values(filled(20, size=5))


@pytest.mark.parametrize("wrong", [5, "meta", [("a", 1)]])
def test_a_meta_that_is_no_dict_is_refused_with_nothing_stored(wrong):
    buffer = DequeBuffer(3)
    with raises(BadArgument, TypeError, ValueError, match="meta must be a dict"):
        buffer.push(1, wrong)
    assert 0 == len(buffer)


def test_many_are_stored_at_once_with_metas_of_either_form():
    buffer = DequeBuffer(10)
    items = buffer.extend(number for number in range(2))
    items += buffer.extend([2, 3], [{"a": 1}, None])
    items += buffer.extend(np.array([4, 5]), meta={"a": [7, 8], "b": "both"})

    assert [0, 1, 2, 3, 4, 5] == values(items) == values(buffer)
    assert [{}, {}, {"a": 1}, {}, {"a": 7, "b": "both"}, {"a": 8, "b": "both"}] == [
        item.meta for item in items
    ]
    assert [] == buffer.extend([])


def test_more_than_there_is_room_for_leaves_the_newest():
    buffer = filled(2, size=3)
    items = buffer.extend(range(10, 15))

    assert 5 == len(items)
    assert [12, 13, 14] == values(buffer)


@pytest.mark.parametrize("meta", [[{}], {"a": [1, 2, 3]}, [5, 5], "ab"])
def test_metas_that_do_not_fit_the_many_are_refused_with_nothing_stored(meta):
    buffer = DequeBuffer(5)
    with raises(BadArgument, ValueError, match="meta"):
        buffer.extend([1, 2], meta)
    assert 0 == len(buffer)


@pytest.mark.parametrize("wrong", [[1], {}, np.zeros(2)])
def test_of_many_with_a_value_that_cannot_name_a_group_none_is_stored(wrong):
    buffer = filled(4, size=5)
    buffer.sample(1, groupby="env")
    with raises(BadArgument, match="cannot name a group"):
        buffer.extend([7, 8, 9], [{"env": 1}, {"env": 2}, {"env": wrong}])
    assert [0, 1, 2, 3] == values(buffer)
    assert 4 == buffer.stats()["pushed"]
    buffer.store.check()


def test_of_many_with_one_that_the_storage_refuses_none_is_stored():
    class NoTexts(ObjectStorage):
        strict = True

        def check(self, data, meta):
            if isinstance(data, str):
                raise BadArgument("no texts")

    buffer = filled(5, size=5, storage=NoTexts())
    with raises(BadArgument, match="no texts"):
        buffer.extend([7, 8, "text"])
    assert [0, 1, 2, 3, 4] == values(buffer)
    buffer.extend([7, 8, 9])
    assert [3, 4, 7, 8, 9] == values(buffer)


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


# Reading.


def test_items_are_read_by_position_from_either_end():
    buffer = filled(25)

    assert (15, 24, 24, 15) == (buffer.get(0).data, buffer[9].data, buffer[-1].data, buffer[-10].data)
    assert 16 == buffer[np.int64(1)].data
    assert [16, 18] == values(buffer[1:4:2])
    assert [23, 24] == values(buffer[-2:])
    assert [] == buffer[50:]


@pytest.mark.parametrize("wrong", [3, -4, 10**20])
def test_a_position_outside_is_an_index_error(wrong):
    with raises(NoSuchPosition, IndexError, match=f"Position {wrong} is outside a buffer of 3 items"):
        filled(3).get(wrong)


@pytest.mark.parametrize("wrong", ["0", None, 1.0, [1]])
def test_a_position_that_is_no_int_is_refused(wrong):
    with raises(BadArgument, TypeError, match="A position is an int"):
        filled(3).get(wrong)
    with raises(BadArgument, TypeError, match=r"get_by_index\(\)"):
        filled(3)[wrong]


def test_items_are_read_by_index():
    buffer = filled(5)
    indices = [item.index for item in buffer]

    assert buffer[3] is buffer.get_by_index(indices[3])
    for many in ([indices[4], indices[0]], (indices[4], indices[0]), iter([indices[4], indices[0]])):
        assert [4, 0] == values(buffer.get_by_index(many))
    assert [4] == values(buffer.get_by_index(buffer.store.slots_of([indices[4]])))
    assert [] == buffer.get_by_index([])


def test_an_index_that_cannot_be_had_is_told_why():
    buffer = filled(12)
    evicted, deleted = filled(1)[0].index, buffer[5].index
    first = DequeBuffer(1)
    gone = first.push(0).index
    first.push(1)
    buffer.delete(deleted)

    with raises(UnknownIndex, KeyError, match="it has left the buffer"):
        buffer.get_by_index(deleted)
    with raises(UnknownIndex, KeyError, match="it has left the buffer"):
        first.get_by_index(gone)
    with raises(UnknownIndex, KeyError, match="it was never in this buffer"):
        buffer.get_by_index(evicted)
    with raises(UnknownIndex, KeyError, match=r"'nonsense' \(and 1 more\): it was never"):
        buffer.get_by_index(index for index in [buffer[0].index, "nonsense", deleted])
    with raises(UnknownIndex, KeyError, match="There is no item in slot 9"):
        filled(3).get_by_index(np.array([9]))


def test_iterating_gives_the_items_of_that_moment_whatever_happens_meanwhile():
    buffer = filled(10)
    seen = []
    for item in buffer:
        seen.append(item.data)
        buffer.push(100)
        buffer.delete(item.index)
        if item.data == 5:
            buffer.clear()

    assert list(range(10)) == seen


def test_stats_add_up():
    buffer = filled(25)
    buffer.delete([buffer[0].index, buffer[1].index])
    buffer.sample(3)
    buffer.sample(2, groupby="env", unroll_len=2)
    buffer.clear()
    buffer.push(1)
    stats = buffer.stats()

    assert {
        "size": 1,
        "capacity": 10,
        "pushed": 26,
        "evicted": 15,
        "deleted": 2,
        "cleared": 8,
        "sampled": 7,
        "late_updates": 0,
    } == stats


def test_the_seed_decides_what_is_drawn_and_nothing_else_does():
    one, other, third = filled(10), filled(10), DequeBuffer(10, seed=1)
    third.extend(range(10))
    np.random.default_rng().random()
    drawn = [values(buffer.sample(5)) for buffer in (one, other, third)]

    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]

"""What goes in and how it is read; changes, sampling, copies, layers: see the other files."""

from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, NoSuchPosition, UnknownIndex
from ding_buffer.core.item import BufferedData
from ding_buffer.storages.object_storage import ObjectStorage
from tests.buffers.number_buffers import filled, raises, values

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

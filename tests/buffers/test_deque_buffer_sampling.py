"""What ``sample`` returns, and what it refuses; how often is another file's matter."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import (
    BadArgument,
    BadQuery,
    DingBufferError,
    NotEnoughItems,
    UnknownArgument,
    UnknownIndex,
)


def filled(count=10, size=10, **options):
    buffer = DequeBuffer(size, seed=0, **options)
    for number in range(count):
        buffer.push({"number": number}, {"env": number % 3, "nested": [number]})
    return buffer


def values(items):
    return [item.data["number"] for item in items]


def indices_of(buffer, *positions):
    return [buffer[position].index for position in positions]


def test_a_sample_is_a_list_of_the_stored_items_themselves():
    buffer = filled()
    batch = buffer.sample(10)

    assert isinstance(batch, list)
    assert sorted(values(batch)) == list(range(10))
    assert all(item is buffer.get_by_index(item.index) for item in batch)


@pytest.mark.parametrize(
    "sample",
    [
        lambda buffer: buffer.sample(4),
        lambda buffer: buffer.sample(size=4),
        lambda buffer: buffer.sample(np.int64(4)),
        lambda buffer: buffer.sample(4, None, False, None, False, None, None),
        lambda buffer: buffer.sample(4, indices=[]),
        lambda buffer: buffer.sample(4, unroll_len=0),
    ],
)
def test_the_size_can_be_given_in_every_form(sample):
    assert 4 == len(set(values(sample(filled()))))


def test_items_drawn_twice_are_independent_copies():
    batch = filled(3).sample(50, replace=True)

    assert 50 == len({id(item) for item in batch})
    assert 50 == len({id(item.data) for item in batch})
    assert 50 == len({id(item.meta["nested"]) for item in batch})
    assert 3 == len({item.index for item in batch})
    assert all([value] == item.meta["nested"] for value, item in zip(values(batch), batch, strict=True))


# sample_range.


@pytest.mark.parametrize(
    "sample_range",
    [slice(3), slice(-3, None), slice(2, 8, 3), slice(None, None, -2), slice(-4, -1), slice(0, 99)],
)
def test_a_range_counts_from_the_oldest_or_the_newest(sample_range):
    buffer, right = filled(25), list(range(15, 25))[sample_range]

    assert sorted(right) == sorted(values(buffer.sample(len(right), sample_range=sample_range)))
    assert set(right) == set(values(buffer.sample(100, replace=True, sample_range=sample_range)))
    with pytest.raises(NotEnoughItems):
        buffer.sample(len(right) + 1, sample_range=sample_range)


def test_a_range_counts_the_items_that_are_left():
    buffer = filled()
    buffer.delete(indices_of(buffer, 0, 4, 9))

    assert {7, 8} == set(values(buffer.sample(2, sample_range=slice(-2, None))))
    assert {1, 2, 3} == set(values(buffer.sample(3, sample_range=slice(3))))


def test_ranges_within_ranges_are_taken_in_turn():
    assert {4, 6} == set(values(filled().sample(2, sample_range=(slice(2, 8), slice(2, None, 2)))))


@pytest.mark.parametrize("wrong", [5, "3:", slice(0, 5, 0), slice("a", None), (5,)])
def test_what_is_no_range_is_refused(wrong):
    for query in ({}, {"groupby": "env"}, {"replace": True}):
        with pytest.raises(BadArgument, match="sample_range"):
            filled().sample(2, sample_range=wrong, **query)


# indices.


def test_items_asked_for_by_index_come_in_the_order_asked():
    buffer = filled()
    asked = indices_of(buffer, 7, 2, 5)

    for many in (asked, tuple(asked), np.array(asked), dict.fromkeys(asked), (index for index in asked)):
        assert [7, 2, 5] == values(buffer.sample(indices=many))
    assert [7, 2, 5] == values(buffer.sample(3, asked))
    assert [7] == values(buffer.sample(indices=asked[0]))
    assert [7, 2, 5] == values(buffer.sample(indices=buffer.store.slots_of(asked)))


def test_an_index_asked_for_again_gives_an_independent_copy():
    buffer = filled()
    first, other, again = buffer.sample(indices=indices_of(buffer, 3, 4, 3))

    assert buffer[3] is first
    assert buffer[4] is other
    assert first == again
    assert again.data == first.data
    assert again.data is not first.data
    assert again.meta["nested"] is not first.meta["nested"]


def test_indices_in_groups_give_groups():
    buffer = filled()
    a, b, c = indices_of(buffer, 1, 2, 3)

    assert [[1, 2], [], [3, 1]] == [values(group) for group in buffer.sample(indices=[[a, b], [], [c, a]])]
    assert [[1], [2]] == [values(group) for group in buffer.sample(2, indices=((a,), (b,)))]
    slots = [buffer.store.slots_of([a, b]), buffer.store.slots_of([c])]
    assert [[1, 2], [3]] == [values(group) for group in buffer.sample(indices=slots)]
    groups = buffer.sample(indices=[[a], [a]])
    assert groups[0][0] is not groups[1][0]


def test_indices_within_a_range_may_be_asked_for():
    buffer = filled()

    assert [8, 9] == values(buffer.sample(indices=indices_of(buffer, 8, 9), sample_range=slice(-3, None)))
    with pytest.raises(UnknownIndex, match="it lies outside sample_range") as caught:
        buffer.sample(indices=indices_of(buffer, 8, 2), sample_range=slice(-3, None))
    assert buffer[2].index in str(caught.value)


@pytest.mark.parametrize("form", [list, tuple, lambda some: [some], lambda some: (tuple(some),), np.array])
def test_an_index_that_is_gone_is_a_key_error(form):
    buffer = filled()
    asked = indices_of(buffer, 1, 2)
    buffer.delete(asked[1])

    with pytest.raises(UnknownIndex, match="it has left the buffer") as caught:
        buffer.sample(indices=form(asked))
    assert isinstance(caught.value, KeyError)
    with pytest.raises(UnknownIndex, match="never in this buffer"):
        buffer.sample(indices=form([asked[0], "nonsense"]), ignore_insufficient=True)


def test_a_slot_that_holds_nothing_is_a_key_error():
    with pytest.raises(UnknownIndex, match="There is no item in slot 7"):
        filled(3).sample(indices=np.array([1, 7]))
    with pytest.raises(UnknownIndex, match=r"There is no item in slot 7 \(and 1 more\)"):
        filled(3).sample(indices=[np.array([1]), np.array([7, 8])])


# What contradicts itself.


@pytest.mark.parametrize("query", [{}, {"size": 0}, {"indices": []}, {"size": 0, "groupby": "env"}])
def test_neither_size_nor_indices_is_a_contradiction(query):
    with pytest.raises(BadQuery, match="One of size and indices must not be empty") as caught:
        filled().sample(**query)
    assert isinstance(caught.value, AssertionError)
    assert isinstance(caught.value, ValueError)


def test_a_size_beside_indices_must_be_their_number():
    buffer = filled()
    for asked in (indices_of(buffer, 1, 2), [indices_of(buffer, 1), indices_of(buffer, 2)]):
        with pytest.raises(BadQuery, match="Size and indices length must be equal"):
            buffer.sample(3, indices=asked)


@pytest.mark.parametrize(
    "query", [{"groupby": "env"}, {"unroll_len": 2}, {"groupby": "env", "unroll_len": 2}]
)
def test_indices_say_what_to_take_and_leave_no_choice_of_groups(query):
    buffer = filled()
    with pytest.raises(BadQuery, match="groupby and unroll_len cannot be given"):
        buffer.sample(indices=indices_of(buffer, 1), **query)


def test_a_window_needs_a_group():
    with pytest.raises(BadQuery, match="unroll_len needs groupby"):
        filled().sample(2, unroll_len=2)


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ({"size": -1}, "size must not be negative"),
        ({"size": 2.0}, "size must be an int"),
        ({"size": "2"}, "size must be an int"),
        ({"size": 2, "groupby": "env", "unroll_len": -1}, "unroll_len must not be negative"),
        ({"size": 2, "groupby": "env", "unroll_len": 1.5}, "unroll_len must be an int"),
        ({"size": 2, "groupby": 5}, "groupby must be a meta key"),
        ({"indices": 5}, "An index is a str"),
        ({"indices": [5]}, "An index is a str"),
        ({"indices": [None]}, "An index is a str"),
    ],
)
def test_an_argument_that_cannot_be_is_named(query, what):
    with pytest.raises(BadArgument, match=what) as caught:
        filled().sample(**query)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, ValueError)


def test_a_keyword_that_nobody_takes_is_named():
    with pytest.raises(
        UnknownArgument, match=r"sample\(\) got 'batch_size', 'train_iter_sample_data'"
    ) as caught:
        filled().sample(2, batch_size=3, train_iter_sample_data=5)
    assert isinstance(caught.value, TypeError)
    assert "size, indices, replace, sample_range" in str(caught.value)


# Shortage.

SHORT = {
    "uniform": {"size": 11},
    "uniform in a range": {"size": 3, "sample_range": slice(2)},
    "an empty range": {"size": 1, "sample_range": slice(0, 0), "replace": True},
    "groups": {"size": 4, "groupby": "env"},
    "groups in a range": {"size": 3, "groupby": "env", "sample_range": slice(2)},
    "groups in an empty range": {"size": 1, "groupby": "env", "sample_range": slice(5, 5), "replace": True},
    "groups of a key that nobody has": {"size": 1, "groupby": "nobody", "replace": True},
    "windows": {"size": 2, "groupby": "env", "unroll_len": 4},
    "windows longer than any group": {"size": 1, "groupby": "env", "unroll_len": 5, "replace": True},
}


@pytest.mark.parametrize("query", SHORT.values(), ids=SHORT.keys())
def test_a_shortage_is_a_value_error_or_on_request_an_empty_list(query, caplog):
    buffer = filled()
    with pytest.raises(
        NotEnoughItems, match=rf"There are less than {query['size']} (records|groups)"
    ) as caught:
        buffer.sample(**query)
    assert isinstance(caught.value, ValueError)
    assert not isinstance(caught.value, (AssertionError, KeyError))
    with caplog.at_level(logging.WARNING, logger="ding_buffer"):
        assert [] == buffer.sample(ignore_insufficient=True, **query)
    assert "Returning an empty batch, as ignore_insufficient asks" in caplog.text
    buffer.store.check()


@pytest.mark.parametrize(
    "query", [{}, {"replace": True}, {"groupby": "env"}, {"groupby": "env", "replace": True, "unroll_len": 2}]
)
def test_an_empty_buffer_is_short_of_everything(query):
    buffer = DequeBuffer(5)
    with pytest.raises(NotEnoughItems):
        buffer.sample(1, **query)
    assert [] == buffer.sample(1, ignore_insufficient=True, **query)


def test_what_is_no_shortage_is_not_ignored():
    for query in ({"size": 0}, {"indices": ["nonsense"]}, {"size": 2, "unroll_len": 3}, {"size": -1}):
        with pytest.raises(DingBufferError):
            filled().sample(ignore_insufficient=True, **query)


def test_enough_is_enough_whatever_is_to_be_ignored():
    assert 10 == len(filled().sample(10, ignore_insufficient=True))


def test_w6_only_a_shortage_is_caught_as_not_enough_items():
    for query in (
        {"size": 0},
        {"indices": ["nonsense"]},
        {"size": 2, "unroll_len": 3},
        {"size": 2, "what": 1},
    ):
        with pytest.raises(DingBufferError) as caught:
            filled().sample(**query)
        assert not isinstance(caught.value, NotEnoughItems)

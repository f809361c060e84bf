from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.ragged import RaggedColumn

LENGTHS = st.lists(st.integers(0, 5), max_size=8)


def rows_of(lengths, width=()):
    numbers = iter(range(1000))
    return [
        np.array([next(numbers) for _ in range(length * int(np.prod(width)))], dtype=np.int32).reshape(
            length, *width
        )
        for length in lengths
    ]


@given(lengths=LENGTHS, width=st.sampled_from([(), (2,), (2, 3)]))
def test_rows_come_back_as_they_went_in(lengths, width):
    rows = rows_of(lengths, width)

    column = RaggedColumn.of(rows, np.int32, width)

    assert len(rows) == len(column)
    assert lengths == column.lengths.tolist()
    assert (sum(lengths), *width) == column.values.shape
    for expected, iterated, place in zip(rows, column, range(len(rows)), strict=True):
        np.testing.assert_array_equal(expected, iterated)
        np.testing.assert_array_equal(expected, column[place])
        np.testing.assert_array_equal(expected, column[place - len(rows)])


@given(data=st.data(), lengths=st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_picked_rows_are_those_of_a_list(data, lengths):
    rows = rows_of(lengths)
    places = data.draw(st.lists(st.integers(-len(rows), len(rows) - 1), max_size=10))

    picked = RaggedColumn.of(rows, np.int32)[np.array(places, dtype=np.int64)]

    assert RaggedColumn.of([rows[place] for place in places], np.int32) == picked


def test_slices_masks_and_lists_pick_rows():
    rows = rows_of([2, 0, 3, 1])
    column = RaggedColumn.of(rows, np.int32)

    assert RaggedColumn.of(rows[1:3], np.int32) == column[1:3]
    assert RaggedColumn.of(rows[::-1], np.int32) == column[::-1]
    assert RaggedColumn.of([rows[0], rows[2]], np.int32) == column[np.array([True, False, True, False])]
    assert RaggedColumn.of([rows[3], rows[3]], np.int32) == column[[3, 3]]


def test_one_row_is_a_view_and_picked_rows_are_copies():
    column = RaggedColumn.of(rows_of([2, 2]), np.int32)

    picked = column[1:]
    column[1][0] = 99

    assert [0, 1, 99, 3] == column.values.tolist()
    assert [2, 3] == picked.values.tolist()


@given(lengths=LENGTHS, length=st.none() | st.integers(0, 6), width=st.sampled_from([(), (2,)]))
def test_padded_rows_are_cut_or_filled(lengths, length, width):
    rows = rows_of(lengths, width)
    longest = max(lengths, default=0) if length is None else length

    padded, mask = RaggedColumn.of(rows, np.int32, width).padded(-1, length)

    assert (len(rows), longest, *width) == padded.shape
    assert [min(size, longest) for size in lengths] == mask.sum(axis=1).tolist()
    for row, held, there in zip(rows, padded, mask, strict=True):
        np.testing.assert_array_equal(row[:longest], held[there])
        assert (held[~there] == -1).all()
        assert sorted(there.tolist(), reverse=True) == there.tolist()


def test_columns_are_equal_that_hold_the_same_rows():
    column = RaggedColumn.of(rows_of([1, 2]), np.int32)

    assert column == RaggedColumn.of(rows_of([1, 2]), np.int32)
    assert column != RaggedColumn.of(rows_of([2, 1]), np.int32)
    assert column != RaggedColumn.of(rows_of([1, 2]), np.int64)
    assert column != [[0], [1, 2]]


def test_lengths_that_do_not_add_up_are_refused():
    with pytest.raises(BadArgument, match=r"^The lengths of the rows add up to 3, there are 4 values\.$"):
        RaggedColumn(np.zeros(4), [1, 2])
    with pytest.raises(BadArgument, match="add up to 0, there are 1 values"):
        RaggedColumn(np.zeros(1), [])
    with pytest.raises(BadArgument, match="add up to 4"):
        RaggedColumn(np.zeros(4), [5, -1])


def test_a_row_beyond_the_last_is_an_index_error():
    with pytest.raises(IndexError):
        RaggedColumn.of(rows_of([1]), np.int32)[1]


def test_it_says_what_it_holds_and_how_many_bytes_that_takes():
    column = RaggedColumn.of(rows_of([1, 2]), np.int32)

    assert "RaggedColumn(2 rows, 3 values of int32)" == repr(column)
    assert 3 * 4 + 2 * 8 == column.nbytes

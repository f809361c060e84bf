from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from ding_buffer.core.index_column import IndexColumn
from ding_buffer.structures.index_text import IndexText

TEXT = IndexText()


def column(*serials):
    return IndexColumn(np.array(serials, dtype=np.int64), TEXT)


def texts(*serials):
    return [TEXT.write(serial) if serial >= 0 else None for serial in serials]


class Later:
    """Computes serials when called, and counts how often."""

    def __init__(self, *serials):
        self.serials, self.calls = np.array(serials), 0

    def __len__(self):
        return len(self.serials)

    def __call__(self):
        self.calls += 1
        return self.serials


def test_it_is_a_sequence_of_texts_in_order():
    held = column(5, 3, 900)

    assert 3 == len(held)
    assert texts(5, 3, 900) == list(held) == [held[0], held[1], held[2]]
    assert texts(900) == [held[-1]]
    assert texts(3)[0] in held
    assert 1 == held.index(texts(3)[0])
    assert repr(texts(5, 3, 900)) == repr(held)


def test_a_filler_has_no_index():
    assert texts(5, -1) == list(column(5, -1)) == [column(5, -1)[0], None]


def test_a_slice_and_an_array_of_places_or_bools_give_columns():
    held = column(5, 3, 900)

    for place in (slice(1, None), slice(None, None, -1), np.array([2, 0]), np.array([True, False, True])):
        assert isinstance(held[place], IndexColumn)
        assert texts(*np.array([5, 3, 900])[place].tolist()) == held[place]


@pytest.mark.parametrize("place", [3, -4])
def test_a_place_beyond_the_last_is_an_index_error(place):
    with pytest.raises(IndexError):
        column(5, 3, 900)[place]


def test_it_equals_columns_and_lists_that_name_the_same():
    assert column(5, 3) == column(5, 3) == texts(5, 3)
    assert column(5, 3) != column(3, 5)
    assert column(5, 3) != texts(5)
    assert column(5) != texts(5)[0]


def test_serials_are_computed_only_when_somebody_asks():
    later = Later(4, 8)
    held = IndexColumn(later, TEXT)

    assert 2 == len(held)
    assert held.later is later
    assert 0 == later.calls
    assert [4, 8] == held.serials.tolist()
    assert column(4).later is None


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda held: pickle.loads(pickle.dumps(held))])
def test_a_range_names_what_its_numbers_name(make):
    held = make(IndexColumn(range(4, 7), TEXT))

    assert 3 == len(held)
    assert held.later is None
    assert texts(4, 5, 6) == list(held)
    assert texts(5, 6) == list(held[1:])
    assert texts(6)[0] == held[-1]
    assert ([4, 5, 6], np.int64) == (held.serials.tolist(), held.serials.dtype)


def test_going_through_it_computes_them_once():
    later = Later(*range(100))

    assert texts(*range(100)) == list(IndexColumn(later, TEXT))
    assert 1 == later.calls


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda held: pickle.loads(pickle.dumps(held))])
def test_a_copy_names_the_same(make):
    held = IndexColumn(Later(4, 8, -1), TEXT)

    assert texts(4, 8, -1) == make(held)

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.kernels import numpy_objects
from tests.kernels.both import agree, outcome, spoilers, spoilt

PREFIX = "0123456789abcdef"
FIRST = 1 << 60


def text_of(serial):
    return f"{PREFIX}{serial + FIRST:x}"


@given(slots=st.lists(st.integers(0, 99), max_size=60))
def test_objects_are_taken_as_they_are(compiled, slots):
    items = [object() for _ in range(100)]
    for kernels in (compiled, numpy_objects):
        taken = kernels.take_objects(items, np.array(slots, dtype=np.int64))
        assert [id(items[slot]) for slot in slots] == [id(item) for item in taken]


def test_every_object_taken_is_held_once_more(compiled):
    item = object()
    before = sys.getrefcount(item)
    taken = compiled.take_objects([item], np.zeros(1000, dtype=np.int64))
    assert before + 1000 == sys.getrefcount(item)
    del taken
    assert before == sys.getrefcount(item)


@given(how=spoilers())
def test_both_kernels_refuse_the_same_slots(compiled, how):
    slots = spoilt(how, np.array([3, 1, 3, 0]))
    agree(compiled.take_objects, numpy_objects.take_objects, (list("abcdefgh"), slots))


@pytest.mark.parametrize("items", [None, (1, 2), {0: 1}, "ab", np.arange(3), range(3)])
def test_objects_are_taken_from_lists_only(compiled, items):
    for kernels in (compiled, numpy_objects):
        assert TypeError is outcome(kernels.take_objects, items, [0])
        assert TypeError is outcome(kernels.read_texts, items, PREFIX)


class Shrinking:
    """Slots that empty the list they are for while they are looked at."""

    def __init__(self, items):
        self.items = items

    def __array__(self, dtype=None, copy=None):
        self.items.clear()
        return np.array([2])


def test_a_list_that_shrinks_meanwhile_is_out_of_range(compiled):
    for kernels in (compiled, numpy_objects):
        items = [1, 2, 3]
        assert IndexError is outcome(kernels.take_objects, items, Shrinking(items))


@given(serials=st.lists(st.integers(0, FIRST - 1), max_size=600))
def test_texts_are_read_as_they_were_written(compiled, serials):
    for kernels in (compiled, numpy_objects):
        assert serials == kernels.read_texts([text_of(serial) for serial in serials], PREFIX).tolist()


WRONG = [
    "",
    "a",
    text_of(5)[:-1],
    text_of(5) + "0",
    text_of(5).upper(),
    text_of(5)[:-1] + "g",
    text_of(5)[:-1] + "/",
    text_of(5)[:-1] + ":",
    text_of(5)[:-1] + "`",
    text_of(5)[:-1] + " ",
    text_of(5)[:-1] + "\0",
    text_of(5)[:-1] + "\x80",
    text_of(5)[:-1] + "é",
    text_of(5)[:-2] + "é",
    text_of(5)[:-1] + "\ud800",
    text_of(5)[:-1] + "\N{FULLWIDTH DIGIT FIVE}",
    PREFIX + "0" + "5" * 15,
    PREFIX + "2" + "0" * 15,
    PREFIX + "f" * 16,
    "f" * 16 + text_of(5)[16:],
    5,
    None,
    b"0" * 32,
    text_of(5).encode(),
]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("place", [0, 1, -1])
def test_one_text_that_is_anything_else_is_none_for_all(compiled, wrong, place):
    texts = [text_of(serial) for serial in range(5)]
    texts[place] = wrong
    for kernels in (compiled, numpy_objects):
        assert kernels.read_texts(texts, PREFIX) is None


@given(position=st.integers(16, 31), letter=st.characters())
def test_both_kernels_know_the_same_digits(compiled, position, letter):
    text = text_of(77)
    text = text[:position] + letter + text[position + 1 :]
    agree(compiled.read_texts, numpy_objects.read_texts, ([text], PREFIX))


@given(number=st.integers(0, 2**64 - 1))
def test_both_kernels_read_the_same_numbers(compiled, number):
    agree(compiled.read_texts, numpy_objects.read_texts, ([f"{PREFIX}{number:016x}"], PREFIX))


def test_pieces_of_the_right_total_length_are_no_texts(compiled):
    text = text_of(5)
    for kernels in (compiled, numpy_objects):
        assert kernels.read_texts([text[:30], text[30:] + text], PREFIX) is None


@pytest.mark.parametrize(
    ("prefix", "error"),
    [
        ("", ValueError),
        ("0" * 15, ValueError),
        ("é" * 16, ValueError),
        (None, TypeError),
        (b"0" * 16, TypeError),
    ],
)
def test_a_prefix_has_16_letters(compiled, prefix, error):
    for kernels in (compiled, numpy_objects):
        assert error is outcome(kernels.read_texts, [], prefix)

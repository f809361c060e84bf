from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.samplers.window_shape import WindowShape
from ding_buffer.structures.succession import Succession


def one_run(count: int) -> Succession:
    links = Succession(count + 2)
    links.append(np.arange(count), None, np.zeros(count, dtype=bool))
    return links


@pytest.mark.parametrize(
    ("shape", "lead", "need"),
    [
        (WindowShape(2, 3, False, False), 2, 5),
        (WindowShape(2, 3, False, True), 2, 3),
        (WindowShape(2, 3, True, False), 0, 3),
        (WindowShape(2, 3, True, True), 0, 1),
    ],
)
def test_what_a_window_needs_follows_from_where_it_may_be_padded(shape, lead, need):
    assert (lead, need) == (shape.lead, shape.need)


def test_a_window_begins_with_the_item_that_names_it():
    shape = WindowShape(1, 2, False, True)

    assert [[0, 1, 2], [3, 4, -1]] == shape.slots(one_run(5), np.array([0, 3])).tolist()
    assert [1, 4] == shape.firsts(one_run(5), np.array([0, 3])).tolist()


def test_with_padded_burn_in_a_window_is_named_by_its_first_learned_item():
    shape = WindowShape(2, 2, True, True)

    assert [[-1, -1, 0, 1], [-1, 0, 1, 2], [2, 3, 4, -1]] == shape.slots(
        one_run(5), np.array([0, 1, 4])
    ).tolist()
    assert [0, 4] == shape.firsts(one_run(5), np.array([0, 4])).tolist()


@given(
    count=st.integers(1, 15),
    slots=st.sets(st.integers(0, 14), min_size=1),
    burn_in=st.integers(0, 3),
    length=st.integers(1, 4),
    pad_start=st.booleans(),
)
def test_covering_names_all_windows_in_which_an_item_is_learned(count, slots, burn_in, length, pad_start):
    shape, links = WindowShape(burn_in, length, pad_start, True), one_run(count)
    chosen = np.array([slot for slot in slots if slot < count], dtype=np.int64)
    marks = np.zeros(count + 2, dtype=bool)
    found = set(shape.covering(links, chosen, marks).tolist())
    expected = {
        start
        for start in range(count)
        if set(shape.slots(links, np.array([start]))[0, burn_in:].tolist()) & set(chosen.tolist())
    }

    assert expected == found
    assert not marks.any()

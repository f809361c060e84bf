from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.structures.number_summary import NumberSummary


def told(summary: NumberSummary) -> tuple:
    return summary.count, summary.total, summary.smallest, summary.largest


def test_nothing_is_all_zero():
    assert (0, 0, 0, 0) == told(NumberSummary())


def test_the_first_number_is_smallest_and_largest_on_either_side_of_zero():
    for number in (-3, 5):
        summary = NumberSummary()
        summary.add_all(np.array([number]))
        assert (1, number, number, number) == told(summary)


def test_sums_of_ints_are_exact_python_ints():
    summary = NumberSummary()
    for _ in range(4):
        summary.add_all(np.array([2**62]))

    assert 2**64 == summary.total
    assert {int} == {type(number) for number in told(summary)}


@given(st.lists(st.lists(st.integers(-50, 50), max_size=5), max_size=8))
def test_in_whatever_parts_numbers_come_the_summary_is_that_of_all(parts):
    summary = NumberSummary()
    for part in parts:
        summary.add_all(np.array(part, dtype=np.float64))
    numbers = [number for part in parts for number in part]

    expected = (len(numbers), sum(numbers), min(numbers, default=0), max(numbers, default=0))
    assert expected == told(summary)
    assert expected == told(NumberSummary.of_state(summary.state_dict()))
    if numbers:
        assert sum(numbers) / len(numbers) == summary.mean


@pytest.mark.parametrize("state", [[1, 2, 3], [-1, 0, 0, 0], [0.5, 0, 0, 0], ["one", 0, 0, 0]], ids=repr)
def test_a_damaged_state_is_refused(state):
    with pytest.raises(ValueError):  # noqa: PT011  (float() and the unpacking say it in their words)
        NumberSummary.of_state(state)

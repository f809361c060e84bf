from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.kernels import numpy_scans
from tests.kernels.both import agree, spoilers, spoilt

FLOATS = st.lists(st.floats(allow_nan=True), max_size=40)
SLOTS = st.lists(st.integers(0, 9), max_size=60)


def as_arrays(bounds):
    """Returns the function with an array for its result, in which NaN equals NaN."""
    return lambda numbers: np.array(bounds(numbers))


@given(numbers=FLOATS)
def test_the_bounds_are_the_least_and_the_greatest(compiled, numbers):
    low, high = agree(as_arrays(compiled.bounds), as_arrays(numpy_scans.bounds), (np.array(numbers),))

    if any(math.isnan(number) for number in numbers):
        assert math.isnan(low)
        assert math.isnan(high)
    else:
        assert (min(numbers, default=math.inf), max(numbers, default=-math.inf)) == (low, high)


@given(numbers=st.lists(st.integers(-5, 12), max_size=20), bound=st.integers(-3, 12))
def test_slots_lie_below_a_bound_or_do_not(compiled, numbers, bound):
    slots = np.array(numbers, dtype=np.int64)

    assert all(0 <= number < bound for number in numbers) == agree(
        compiled.all_below, numpy_scans.all_below, (slots, bound)
    )


@given(numbers=SLOTS)
def test_each_counting_tells_what_it_came_to(compiled, numbers):
    for kernels in (compiled, numpy_scans):
        counts, tally = np.arange(10), Counter(range(0))
        tally.update({slot: slot for slot in range(10)})
        expected = []
        for number in numbers:
            tally[number] += 1
            expected.append(tally[number])

        assert expected == kernels.count_up(counts, np.array(numbers, dtype=np.int64)).tolist()
        assert [tally[slot] for slot in range(10)] == counts.tolist()


@given(how=spoilers())
def test_both_kernels_take_the_same_numbers(compiled, how):
    agree(
        as_arrays(compiled.bounds), as_arrays(numpy_scans.bounds), (spoilt(how, np.array([3.0, -1.0, 2.0])),)
    )


@given(how=spoilers())
def test_both_kernels_take_the_same_slots(compiled, how):
    agree(compiled.all_below, numpy_scans.all_below, (spoilt(how, np.array([3, 1, 0])), 4))


@given(which=st.integers(0, 1), how=spoilers())
def test_both_kernels_count_the_same_arrays(compiled, which, how):
    arguments = [np.zeros(9, dtype=np.int64), np.array([3, 1, 3, 0])]
    arguments[which] = spoilt(how, arguments[which])
    agree(compiled.count_up, numpy_scans.count_up, tuple(arguments))


@pytest.mark.parametrize("slots", [[9], [-1], [0, 2**62]])
def test_a_slot_out_of_range_counts_nothing(compiled, slots):
    for kernels in (compiled, numpy_scans):
        counts = np.zeros(9, dtype=np.int64)
        with pytest.raises(IndexError):
            kernels.count_up(counts, np.array([1, *slots]))
        assert not counts.any()


def test_counts_that_are_counted_by_themselves_are_refused(compiled):
    for kernels in (compiled, numpy_scans):
        counts = np.zeros(9, dtype=np.int64)
        with pytest.raises(ValueError, match="overlap"):
            kernels.count_up(counts, counts[:3])


@pytest.mark.parametrize("bound", [None, 1.5, "3"])
def test_a_bound_is_a_whole_number(compiled, bound):
    for kernels in (compiled, numpy_scans):
        with pytest.raises(TypeError):
            kernels.all_below(np.array([0]), bound)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.kernels import numpy_distinct
from tests.kernels.both import agree, outcome, spoilers, spoilt

NUMBERS = st.one_of(st.integers(0, 9), st.integers(-(2**63), 2**63 - 1))


@given(numbers=st.lists(NUMBERS, max_size=60))
def test_each_number_is_kept_where_it_first_stands(compiled, numbers):
    for kernels in (compiled, numpy_distinct):
        assert (
            list(dict.fromkeys(numbers)) == kernels.first_distinct(np.array(numbers, dtype=np.int64)).tolist()
        )


@pytest.mark.parametrize("n", [511, 512, 513, 1024, 1025, 20_000])
@pytest.mark.parametrize("step", [1, 2**16, 2**48])
def test_many_numbers_are_told_apart(compiled, n, step):
    numbers = np.random.default_rng(n).integers(0, n, n) * np.int64(step)

    assert 0 < len(agree(compiled.first_distinct, numpy_distinct.first_distinct, (numbers,))) < n


@given(how=spoilers())
def test_both_kernels_take_the_same_numbers(compiled, how):
    agree(compiled.first_distinct, numpy_distinct.first_distinct, (spoilt(how, np.array([3, 1, 3, 0])),))


def test_the_result_is_the_callers_own(compiled):
    for kernels in (compiled, numpy_distinct):
        numbers = np.arange(5)
        kernels.first_distinct(numbers)[0] = 7
        assert [0, 1, 2, 3, 4] == numbers.tolist()


@given(
    legal=st.lists(st.booleans(), min_size=1, max_size=20),
    places=st.lists(st.integers(0, 99), max_size=60),
    size=st.integers(0, 30),
    distinct=st.booleans(),
)
def test_the_first_legal_numbers_are_drawn(compiled, legal, places, size, distinct):
    numbers = [place % len(legal) for place in places]
    kept = [number for number in numbers if legal[number]]
    expected = (list(dict.fromkeys(kept)) if distinct else kept)[:size]
    for kernels in (compiled, numpy_distinct):
        drawn = kernels.draw_starts(np.array(legal), np.array(numbers, dtype=np.int64), size, distinct)
        assert (expected, np.int64) == (drawn.tolist(), drawn.dtype)


@pytest.mark.parametrize("size", [100, 511, 513, 5_000, 2**62, 2**70])
def test_many_starts_are_told_apart(compiled, size):
    rng = np.random.default_rng(size % 1000)
    legal, numbers = rng.random(9_000) < 0.7, rng.integers(0, 9_000, 9_000)
    drawn = agree(compiled.draw_starts, numpy_distinct.draw_starts, [legal, numbers, size, True])

    assert min(size, len({*numbers[legal[numbers]].tolist()})) == len(drawn)


@given(position=st.integers(0, 1), how=spoilers(), distinct=st.booleans())
def test_both_kernels_refuse_the_same_draws(compiled, position, how, distinct):
    arguments = [np.array([True, False, True, True]), np.array([3, 1, 3, 0, 2]), 2, distinct]
    arguments[position] = spoilt(how, arguments[position])
    agree(compiled.draw_starts, numpy_distinct.draw_starts, arguments)


@pytest.mark.parametrize(
    ("size", "error"), [(-1, ValueError), (-(2**70), ValueError), (1.0, TypeError), (None, TypeError)]
)
def test_a_draw_has_a_size(compiled, size, error):
    for kernels in (compiled, numpy_distinct):
        assert error is outcome(kernels.draw_starts, np.ones(3, dtype=np.bool_), [0, 1], size, True)


@pytest.mark.parametrize("bad", [4, -1, 2**62, -(2**63)])
def test_a_number_that_is_no_slot_is_not_drawn(compiled, bad):
    for kernels in (compiled, numpy_distinct):
        assert IndexError is outcome(kernels.draw_starts, np.ones(4, dtype=np.bool_), [0, bad], 1, False)
        assert IndexError is outcome(kernels.draw_starts, np.zeros(0, dtype=np.bool_), [0], 1, False)

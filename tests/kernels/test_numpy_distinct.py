from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.kernels import numpy_distinct
from tests.kernels.both import agree, spoilers, spoilt

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

from __future__ import annotations

import math

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.number_checks import check_number, check_whole


@pytest.mark.parametrize("value", [0, 0.5, 1, np.float32(0.25), np.int64(1)])
def test_a_number_in_the_range_passes(value):
    check_number("beta", value, 0.0, 1.0)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf, "1", None, True])
def test_anything_else_is_refused_by_name(value):
    with pytest.raises(BadArgument, match=r"beta must be a number in \[0.0, 1.0\]"):
        check_number("beta", value, 0.0, 1.0)


def test_without_an_upper_bound_a_number_must_still_be_finite():
    check_number("alpha", 1e9, 0.0)
    with pytest.raises(BadArgument, match=r"alpha must be a finite number of at least 0\.0, got inf"):
        check_number("alpha", math.inf, 0.0)


def test_a_whole_number_in_the_range_passes():
    check_whole("length", 3, 1)
    check_whole("overlap", np.int64(2), 0, 2)


@pytest.mark.parametrize("value", [0, 4, 2.0, True, "2", None])
def test_what_is_no_whole_number_in_the_range_is_refused(value):
    with pytest.raises(BadArgument, match="length must be an int of at least 1 and at most 3"):
        check_whole("length", value, 1, 3)

"""Draws with weights, in both kernels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.kernels import numpy_tree
from tests.kernels.both import agree, spoilers, spoilt
from tests.kernels.test_numpy_tree import new_tree

TIGHT = 1e-13


def arguments(capacity=5000, n=64, stratified=True, exponent=-0.4, seed=0):
    rng = np.random.default_rng(seed)
    masses = rng.random(capacity) + 0.01
    levels, lows, starts = new_tree(capacity, 16, masses)
    total, least = numpy_tree.tree_sum(levels, lows, starts, None)
    return levels, starts, rng.random(n), stratified, total, least, exponent


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize("n", [0, 1, 2, 255, 513, 5000])
@pytest.mark.parametrize("capacity", [1, 17, 70_000])
def test_leaves_lie_where_their_points_say_and_weigh_a_power_of_their_mass(compiled, capacity, n, stratified):
    given_ = arguments(capacity, n, stratified)
    levels, _, points, _, total, least, exponent = given_
    slots, weights = agree(compiled.weighed_draw, numpy_tree.weighed_draw, given_, TIGHT)

    where = (points + np.arange(n)) / max(n, 1) * total if stratified else points * total
    ends = np.cumsum(levels[0])
    near = np.abs(slots - np.minimum(ends.searchsorted(where, side="right"), capacity - 1))
    assert near.max(initial=0) <= 1  # a sum in another order may differ in the last bit
    assert np.allclose((levels[0][slots] / least) ** exponent, weights, rtol=TIGHT, atol=0)


@given(which=st.sampled_from([0, 1, 2]), how=spoilers())
def test_both_kernels_take_the_same(compiled, which, how):
    given_ = list(arguments(300, 8))
    if which:
        given_[which] = spoilt(how, given_[which])
    else:
        given_[0][0] = spoilt(how, given_[0][0])
    agree(compiled.weighed_draw, numpy_tree.weighed_draw, tuple(given_), TIGHT)


@pytest.mark.parametrize("place", [4, 5, 6])
@pytest.mark.parametrize("wrong", [None, "1", [1]])
def test_what_is_no_number_is_refused(compiled, place, wrong):
    given_ = list(arguments(300, 8))
    given_[place] = wrong
    agree(compiled.weighed_draw, numpy_tree.weighed_draw, tuple(given_), TIGHT)
    for kernels in (compiled, numpy_tree):
        with pytest.raises(TypeError):
            kernels.weighed_draw(*given_)


@pytest.mark.parametrize("point", [-0.1, np.nan])
def test_a_point_that_is_none_is_refused(compiled, point):
    given_ = list(arguments(300, 1))
    given_[2] = np.array([point])
    for kernels in (compiled, numpy_tree):
        with pytest.raises(ValueError, match="negative one or NaN"):
            kernels.weighed_draw(*given_)

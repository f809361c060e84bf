from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.errors import NotEnoughItems
from ding_buffer.samplers.uniform import distinct, with_replacement


def surprise_of_ordered_choices(surprise, draw, n, k, times=60_000):
    """How surprising it is, if all ordered choices of k of n are alike, how often each is drawn."""
    rng = np.random.default_rng(7)
    drawn = np.array([draw(rng, n, k) for _ in range(times)])
    codes = (drawn * n ** np.arange(k)).sum(axis=1)
    possible = (np.array(list(itertools.permutations(range(n), k))) * n ** np.arange(k)).sum(axis=1)
    counts = np.bincount(codes, minlength=n**k)[possible]
    expected = np.full(len(possible), counts.sum() / len(possible))
    return surprise(counts, expected)


def surprise_of_places(surprise, draw, n, k, times):
    """How surprising it is, if every place of a result is alike, which tenth of the range stands first."""
    rng = np.random.default_rng(7)
    first = np.array([draw(rng, n, k)[0] for _ in range(times)])
    return surprise(np.bincount(first * 10 // n, minlength=10), np.full(10, times / 10))


def unshuffled(rng, n, k):
    return rng.choice(n, k, replace=False, shuffle=False)


@given(st.integers(0, 2**32), st.integers(0, 30_000), st.floats(0, 1))
def test_distinct_numbers_are_distinct_and_of_the_range(seed, n, share):
    k = round(n * share**4)
    drawn = distinct(np.random.default_rng(seed), n, k)

    assert np.dtype(np.int64) == drawn.dtype
    assert k == drawn.size == len(set(drawn.tolist()))
    assert set(drawn.tolist()) <= set(range(n))


@pytest.mark.parametrize(("n", "k"), [(5, 1), (5, 3), (5, 5), (20, 2)])
def test_every_ordered_choice_is_equally_likely(surprise, n, k):
    assert 4.0 > surprise_of_ordered_choices(surprise, distinct, n, k)


def test_an_order_that_is_not_random_would_be_noticed(surprise):
    assert 4.0 < surprise_of_ordered_choices(surprise, unshuffled, 5, 3)
    assert 4.0 < surprise_of_ordered_choices(surprise, lambda *args: np.sort(distinct(*args)), 5, 3)


def test_a_number_never_drawn_would_be_noticed(surprise):
    assert 4.0 < surprise_of_ordered_choices(surprise, lambda rng, n, k: distinct(rng, n - 1, k), 20, 2)


@pytest.mark.parametrize(("n", "k"), [(10_000, 50), (10_000, 2000), (20_000, 1000), (1_000_000, 8)])
def test_every_number_is_equally_likely_in_the_first_place_of_a_large_range(surprise, n, k):
    assert 4.0 > surprise_of_places(surprise, distinct, n, k, 50_000 if k < 100 else 5000)


def test_an_unfair_first_place_would_be_noticed(surprise):
    assert 4.0 < surprise_of_places(surprise, unshuffled, 10_000, 2000, 5000)


def test_all_numbers_of_a_range_are_a_permutation():
    assert list(range(100)) == sorted(distinct(np.random.default_rng(0), 100, 100).tolist())


def test_more_distinct_numbers_than_there_are_is_a_shortage():
    with pytest.raises(NotEnoughItems, match="6 distinct numbers of 5"):
        distinct(np.random.default_rng(0), 5, 6)
    with pytest.raises(NotEnoughItems):
        distinct(np.random.default_rng(0), 0, 1)


def test_nothing_of_nothing_is_no_shortage():
    assert [] == distinct(np.random.default_rng(0), 0, 0).tolist()
    assert [] == with_replacement(np.random.default_rng(0), 0, 0).tolist()


def test_independent_numbers_are_equally_likely_and_repeat(surprise):
    drawn = with_replacement(np.random.default_rng(0), 50, 100_000)

    assert np.dtype(np.int64) == drawn.dtype
    assert 4.0 > surprise(np.bincount(drawn, minlength=50), np.full(50, 2000.0))
    assert 4.0 < surprise(np.bincount(drawn % 49, minlength=50), np.full(50, 2000.0))


def test_numbers_of_an_empty_range_are_a_shortage():
    with pytest.raises(NotEnoughItems, match="empty range"):
        with_replacement(np.random.default_rng(0), 0, 1)

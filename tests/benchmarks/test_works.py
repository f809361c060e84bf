"""The checks of the benchmarks notice what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import works
from benchmarks.transitions import BATCH, PUSHED, SLICE, SLICES, columns_of
from benchmarks.works import Wrong

SIZE = 1_000
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _from_the_beginning():
    """Each test draws the same, whichever ran before it."""
    RNG.bit_generator.state = np.random.default_rng(0).bit_generator.state


def draw():
    return columns_of(RNG.integers(0, SIZE, BATCH))


def test_a_sample_of_whole_rows_passes():
    works.sampling(draw, SIZE).check()


@pytest.mark.parametrize("name", ["act", "rew", "next_obs", "done"])
def test_a_torn_row_is_noticed(name):
    def torn():
        batch = draw()
        batch[name] = np.roll(batch[name], 1, axis=0)
        return batch

    with pytest.raises(Wrong, match=f"{name} is not what was pushed"):
        works.sampling(torn, SIZE).check()


def test_draws_from_a_part_are_noticed():
    with pytest.raises(Wrong, match="not spread"):
        works.sampling(lambda: columns_of(RNG.integers(0, SIZE // 2, BATCH)), SIZE).check()


def test_a_push_that_stores_nothing_is_noticed():
    with pytest.raises(Wrong, match="not what is held"):
        works.pushing(lambda: None, lambda: columns_of(np.arange(64)), 64).check()
    works.pushing(lambda: None, lambda: columns_of(np.full(64, PUSHED)), 64).check()


def test_priorities_that_move_nothing_are_noticed():
    def drawn():
        batch = draw()
        return batch, None

    with pytest.raises(Wrong, match="priorities moved the draws"):
        works.prioritized(drawn, lambda handle, priorities: None, SIZE).check()


def test_priorities_that_move_the_draws_pass():
    masses = np.ones(SIZE)

    def drawn():
        numbers = RNG.choice(SIZE, BATCH, p=masses / masses.sum())
        return columns_of(numbers), numbers

    def give(numbers, priorities):
        masses[numbers] = priorities**0.6

    works.prioritized(drawn, give, SIZE).check()


def test_single_rewards_are_no_returns():
    with pytest.raises(Wrong, match="the n-step returns are others"):
        works.returning(draw).check()


def test_slices_across_episodes_are_noticed():
    with pytest.raises(Wrong, match="crosses an episode's end"):
        works.slicing(
            lambda: columns_of((np.zeros((SLICES, 1), int) + 150 + np.arange(SLICE)).ravel())
        ).check()
    with pytest.raises(Wrong, match="not consecutive"):
        works.slicing(lambda: columns_of(RNG.integers(0, SIZE, SLICES * SLICE))).check()


def test_threads_are_counted_each_for_itself():
    rates = works.rating(lambda: None, lambda: None).call(0.01)
    assert 2 == len(rates)
    assert all(rate > 0 for rate in rates)

from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.samplers.rank_based import RankSampler
from ding_buffer.testing.sampler_suite import SamplerSuite

PRIORITIES = np.random.default_rng(9).permutation(60) ** 2.0
RANKS = 1 + np.argsort(np.argsort(-PRIORITIES))


class CountsFromZero(RankSampler):
    """Draws the slot one rank below the one it should draw."""

    def draw(self, rng, n, stratified=True):
        ranks = self.ranks(super().draw(rng, n, stratified)) + 1
        return self._index.slots_at(np.minimum(ranks, len(self)))


class LowestFirst(RankSampler):
    """Ranks the wrong way round."""

    def draw(self, rng, n, stratified=True):
        return self._index.slots_at(len(self) + 1 - self.ranks(super().draw(rng, n, stratified)))


def surprise_of_draws(surprise, make, alpha, stratified, n=16, times=5000):
    """How surprising the draws are if slots are drawn in proportion to (1 / rank) ** alpha."""
    sampler = make(100, alpha)
    sampler.set(np.arange(60), PRIORITIES)
    rng = np.random.default_rng(3)
    drawn = np.concatenate([sampler.draw(rng, n, stratified) for _ in range(times)])
    right = (1.0 / RANKS) ** alpha
    return surprise(np.bincount(drawn, minlength=60), right / right.sum() * n * times)


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.7, 1.0])
def test_slots_are_drawn_in_proportion_to_a_power_of_one_over_their_rank(surprise, alpha, stratified):
    assert 4.0 > surprise_of_draws(surprise, RankSampler, alpha, stratified)


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize("fault", [CountsFromZero, LowestFirst])
def test_a_fault_in_drawing_would_be_noticed(surprise, fault, stratified):
    assert 4.0 < surprise_of_draws(surprise, fault, 0.7, stratified)


@pytest.mark.parametrize("stratified", [True, False])
def test_draws_among_some_slots_keep_their_proportions(surprise, stratified):
    sampler = RankSampler(100, 0.7)
    sampler.set(np.arange(60), PRIORITIES)
    some = np.array([43, 7, 20, 41, 0, 99])
    rng = np.random.default_rng(3)
    drawn = np.concatenate([sampler.draw_among(rng, some, 10, stratified) for _ in range(6000)])
    counts = np.bincount(drawn, minlength=100)
    right = (1.0 / RANKS[some[:5]]) ** 0.7

    assert 0 == counts[99]
    assert 4.0 > surprise(counts[some[:5]], right / right.sum() * 60_000)
    assert 4.0 < surprise(np.roll(counts[some[:5]], 1), right / right.sum() * 60_000)


def test_the_scale_of_priorities_does_not_matter():
    rng = np.random.default_rng(0)
    plain, stretched = RankSampler(500, 0.7), RankSampler(500, 0.7)
    priorities = rng.random(500)
    plain.set(np.arange(500), priorities)
    stretched.set(np.arange(500), 10.0 ** (200 * priorities - 100))
    one, other = np.random.default_rng(1), np.random.default_rng(1)

    assert plain.draw(one, 1000).tolist() == stretched.draw(other, 1000).tolist()


def test_masses_are_one_over_rank_to_the_alpha():
    sampler = RankSampler(10, 0.5)
    sampler.set([2, 4, 6], [1.0, 3.0, 2.0])

    assert [3, 1, 2] == sampler.ranks([2, 4, 6]).tolist()
    assert [3**-0.5, 1.0, 2**-0.5, 0.0] == pytest.approx(sampler.masses([2, 4, 6, 8]).tolist())
    assert 1.0 + 2**-0.5 + 3**-0.5 == pytest.approx(sampler.total)
    assert 3**-0.5 == pytest.approx(sampler.min_mass)
    assert 0.5 == sampler.alpha


def test_a_new_priority_moves_the_ranks_of_others():
    sampler = RankSampler(10, 0.5)
    sampler.set([2, 4, 6], [1.0, 3.0, 2.0])
    sampler.set_one(2, 9.0)

    assert [1, 2, 3] == sampler.ranks([2, 4, 6]).tolist()
    sampler.remove([4])
    assert [1, 2] == sampler.ranks([2, 6]).tolist()
    with pytest.raises(KeyError, match="slot 4"):
        sampler.ranks([4])


@pytest.mark.parametrize("length", [1, 2, 3, 1023, 1024, 1025, 5000])
def test_the_total_is_the_sum_of_all_masses_however_it_grew(length):
    at_once, grown = RankSampler(5000, 0.7), RankSampler(5000, 0.7)
    at_once.set(np.arange(length), 1.0)
    for slot in range(length):
        grown.set_one(slot, 1.0)
        if slot % 100 == 0:
            assert slot + 1 == len(grown)

    assert (np.arange(1, length + 1) ** -0.7).sum() == pytest.approx(at_once.total, rel=1e-12)
    assert at_once.total == grown.total


def test_many_single_priorities_between_two_looks_are_all_seen():
    sampler = RankSampler(20_000, 0.7)
    for slot in range(20_000):
        sampler.set_one(slot, float(slot))

    sampler.check()
    assert 20_000 == len(sampler)
    assert [20_000, 1] == sampler.ranks([0, 19_999]).tolist()


def test_an_alpha_that_leaves_the_last_rank_no_mass_is_refused():
    with pytest.raises(ValueError, match="too large"):
        RankSampler(1000, 200.0)


class TestRankSamplerContract(SamplerSuite):
    def make(self, capacity):
        return RankSampler(capacity, alpha=0.6)

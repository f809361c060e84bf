from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.core.errors import BadPriority
from ding_buffer.samplers.proportional import ProportionalSampler
from ding_buffer.testing.sampler_suite import SamplerSuite

PRIORITIES = np.concatenate((np.linspace(0.0, 5.0, 40), [0.0, 100.0, 1e-3, 20.0]))


class OneTooFar(ProportionalSampler):
    """Draws the neighbour of the slot it should draw."""

    def draw(self, rng, n, stratified=True):
        return np.minimum(super().draw(rng, n, stratified) + 1, len(self) - 1)


class ForgetsAlpha(ProportionalSampler):
    """Takes the priority itself for the mass."""

    def __init__(self, capacity, alpha, epsilon):
        super().__init__(capacity, 1.0, epsilon)


def surprise_of_draws(surprise, make, alpha, stratified, epsilon=0.03, n=16, times=5000):
    """How surprising the draws are if slots are drawn in proportion to (priority + epsilon) ** alpha."""
    sampler = make(PRIORITIES.size, alpha, epsilon)
    sampler.set(np.arange(PRIORITIES.size), PRIORITIES)
    rng = np.random.default_rng(3)
    drawn = np.concatenate([sampler.draw(rng, n, stratified) for _ in range(times)])
    right = (PRIORITIES + epsilon) ** alpha
    return surprise(np.bincount(drawn, minlength=right.size), right / right.sum() * n * times)


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.6, 1.0])
def test_slots_are_drawn_in_proportion_to_a_power_of_their_priorities(surprise, alpha, stratified):
    assert 4.0 > surprise_of_draws(surprise, ProportionalSampler, alpha, stratified)


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize("fault", [OneTooFar, ForgetsAlpha])
def test_a_fault_in_drawing_would_be_noticed(surprise, fault, stratified):
    assert 4.0 < surprise_of_draws(surprise, fault, 0.6, stratified)


@pytest.mark.parametrize("stratified", [True, False])
def test_draws_among_some_slots_keep_their_proportions(surprise, stratified):
    sampler = ProportionalSampler(PRIORITIES.size, 0.6, 0.01)
    sampler.set(np.arange(PRIORITIES.size), PRIORITIES)
    some = np.array([43, 7, 20, 7, 41, 0])
    rng = np.random.default_rng(3)
    drawn = np.concatenate([sampler.draw_among(rng, some, 10, stratified) for _ in range(6000)])
    right = np.bincount(some, weights=(PRIORITIES[some] + 0.01) ** 0.6, minlength=44)
    counts = np.bincount(drawn, minlength=44)

    assert 60_000 == counts[some[[0, 1, 2, 4, 5]]].sum()
    assert 4.0 > surprise(counts[right > 0], right[right > 0] / right.sum() * 60_000)
    assert 4.0 < surprise(np.roll(counts[right > 0], 1), right[right > 0] / right.sum() * 60_000)


def test_the_probability_of_a_draw_is_mass_over_total():
    sampler = ProportionalSampler(100, 0.6, 1e-5)
    sampler.set([3, 50], [1.0, 2.0])

    assert [(1.0 + 1e-5) ** 0.6, (2.0 + 1e-5) ** 0.6] == pytest.approx(sampler.masses([3, 50]).tolist())
    assert sampler.masses([3, 50]).sum() == pytest.approx(sampler.total)
    assert sampler.masses([3])[0] == sampler.min_mass
    assert (0.6, 1e-5) == (sampler.alpha, sampler.epsilon)


@pytest.mark.parametrize("stratified", [True, False])
def test_all_zero_priorities_sample_uniformly(surprise, stratified):
    sampler = ProportionalSampler(5000, 0.6, epsilon=0.0)
    live = np.arange(100, 140)
    sampler.set(live, 0.0)
    rng = np.random.default_rng(0)
    drawn = np.concatenate([sampler.draw(rng, 10, stratified) for _ in range(6000)])

    assert 4.0 > surprise(np.bincount(drawn - 100, minlength=40), np.full(40, 1500.0))
    assert (40.0, 1.0) == (sampler.total, sampler.min_mass)
    assert [1.0, 0.0] == sampler.masses([100, 99]).tolist()


def test_without_epsilon_a_zero_beside_others_is_never_drawn():
    sampler = ProportionalSampler(5000, 0.6, epsilon=0.0)
    sampler.set(np.arange(5000), np.arange(5000) % 2 * 1e-9)
    drawn = sampler.draw(np.random.default_rng(0), 50_000)

    assert {1} == set((drawn % 2).tolist())
    assert 5000 == len(sampler)


def test_among_slots_of_mass_zero_the_live_ones_are_drawn_alike(surprise):
    sampler = ProportionalSampler(10, 0.6, epsilon=0.0)
    sampler.set([0, 1, 2, 3], [5.0, 0.0, 0.0, 0.0])
    drawn = sampler.draw_among(np.random.default_rng(0), [1, 2, 3, 7], 60_000, stratified=False)

    assert 4.0 > surprise(np.bincount(drawn, minlength=8)[1:4], np.full(3, 20_000.0))


def test_priorities_of_any_magnitude_live_side_by_side():
    sampler = ProportionalSampler(5000, 1.0, epsilon=0.0)
    sampler.set(np.arange(5000), 1e-12)
    sampler.set_one(4321, 1e12)
    rng = np.random.default_rng(0)

    assert {4321} == set(sampler.draw(rng, 50_000).tolist())
    sampler.remove([4321])
    assert 4999e-12 == pytest.approx(sampler.total, rel=1e-12)
    assert 4321 not in sampler.draw(rng, 50_000)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 3.0])
def test_a_priority_too_large_to_be_summed_is_refused_with_nothing_changed(alpha):
    sampler = ProportionalSampler(1000, alpha)
    highest = sampler._highest
    sampler.set(np.arange(1000), highest)
    assert np.isfinite(sampler.total)
    sampler.clear()
    beyond = min(highest * 1.001, np.finfo(float).max)

    with pytest.raises(BadPriority, match="too large"):
        sampler.set([0, 1], [1.0, beyond])
    with pytest.raises(BadPriority, match="too large"):
        sampler.set_one(0, beyond)
    assert 0 == len(sampler)
    assert 0.0 == sampler.total


@pytest.mark.parametrize("wrong", [-1e-5, np.nan, np.inf])
def test_an_epsilon_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="epsilon must be"):
        ProportionalSampler(5, 0.6, wrong)


def test_an_epsilon_too_large_for_its_alpha_is_refused():
    with pytest.raises(ValueError, match="too large for alpha"):
        ProportionalSampler(5, 3.0, 1e200)


def test_a_state_is_weighed_with_the_alpha_of_whoever_loads_it():
    sampler, other = ProportionalSampler(5, 1.0, 0.0), ProportionalSampler(5, 0.5, 0.0)
    sampler.set([1, 2], [4.0, 9.0])
    other.load_state_dict(sampler.state_dict())

    assert 5.0 == other.total


def test_masses_that_disagree_with_the_priorities_are_noticed():
    sampler = ProportionalSampler(5, 1.0)
    sampler.set([1, 2], [4.0, 9.0])
    sampler._priorities[1] = 5.0

    with pytest.raises(RuntimeError, match="masses disagree"):
        sampler.check()


class TestProportionalSamplerContract(SamplerSuite):
    def make(self, capacity):
        return ProportionalSampler(capacity, alpha=0.6)

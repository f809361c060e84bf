from __future__ import annotations

import inspect

import numpy as np
import pytest

from ding_buffer.samplers.proportional import ProportionalSampler
from ding_buffer.samplers.rank_based import RankSampler
from ding_buffer.testing.sampler_suite import SamplerSuite


class DrawsTheNeighbour(ProportionalSampler):
    def draw(self, rng, n, stratified=True):
        return np.minimum(super().draw(rng, n, stratified) + 1, self._capacity - 1)


class NeverStratifies(ProportionalSampler):
    def draw(self, rng, n, stratified=True):
        return super().draw(rng, n, False)


class KeepsTheDead(ProportionalSampler):
    def remove(self, slots):
        pass


class TakesAnything(ProportionalSampler):
    def set_one(self, slot, priority):
        if priority >= 0:
            super().set_one(slot, min(priority, 5.0))


class ForgetsAStep(ProportionalSampler):
    def load_state_dict(self, state):
        super().load_state_dict(state)
        self.remove([0])


class RenamesAnArgument(ProportionalSampler):
    def draw(self, rng, size, stratified=True):
        return super().draw(rng, size, stratified)


def fails(test, value):
    try:
        test(*[] if value is None else [value])
    except (Exception, pytest.fail.Exception):  # noqa: BLE001  whatever a broken sampler does is a failure
        return True
    return False


def failures(sampler):
    """The names of the tests that a sampler fails."""

    class Suite(SamplerSuite):
        def make(self, capacity):
            return sampler(capacity, alpha=0.6)

    suite, failed = Suite(), []
    for name, test in inspect.getmembers(suite, inspect.ismethod):
        if name.startswith("test_"):
            marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
            failed += [name for value in (marks[0].args[1] if marks else [None]) if fails(test, value)]
    return failed


@pytest.mark.parametrize("sampler", [ProportionalSampler, RankSampler])
def test_a_right_sampler_passes(sampler):
    assert [] == failures(sampler)


@pytest.mark.parametrize(
    ("sampler", "name"),
    [
        (DrawsTheNeighbour, "test_slots_are_drawn_in_proportion_to_their_masses"),
        (NeverStratifies, "test_stratified_draws_come_one_from_each_stratum"),
        (KeepsTheDead, "test_drawing_where_nothing_is_live_is_a_shortage"),
        (TakesAnything, "test_a_poisoned_priority_is_refused_with_nothing_changed"),
        (ForgetsAStep, "test_a_state_brings_back_the_same_draws"),
        (RenamesAnArgument, "test_it_has_every_method_of_the_contract_with_the_same_arguments"),
    ],
)
def test_a_fault_is_found(sampler, name):
    assert name in failures(sampler)


def test_whoever_does_not_say_how_one_is_made_is_told():
    with pytest.raises(NotImplementedError, match="override make"):
        SamplerSuite().make(3)

"""What every sampler by priority must do, as a test class to inherit from."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import BadPriority, NotEnoughItems
from ding_buffer.samplers.sampler import PrioritySampler
from ding_buffer.testing.distribution import surprise


class SamplerSuite:
    """The contract of ``PrioritySampler``.

    Whoever ships one inherits, says how it is made, and runs pytest::

        class TestMySampler(SamplerSuite):
            def make(self, capacity):
                return MySampler(capacity)

    How a priority becomes a mass is the sampler's own; that masses are what it draws by is checked here.
    """

    def make(self, capacity: int) -> Any:
        """Returns a new sampler without live slots."""
        raise NotImplementedError("A sampler's test class says how one is made: override make().")

    def filled(self, *priorities: float) -> Any:
        """Returns a sampler whose slots have these priorities."""
        sampler = self.make(len(priorities))
        sampler.set(np.arange(len(priorities)), priorities)
        return sampler

    def unchanged(self, sampler: Any, before: Any) -> bool:
        """Tells whether a sampler is still in the state it was in."""
        after = sampler.state_dict()
        return before.keys() == after.keys() and all(
            np.array_equal(before[key], after[key]) for key in before
        )

    def test_it_has_every_method_of_the_contract_with_the_same_arguments(self) -> None:
        sampler = self.make(5)

        assert isinstance(sampler, PrioritySampler)
        for name, member in vars(PrioritySampler).items():
            if inspect.isfunction(member) and name[0] != "_":
                theirs = inspect.signature(getattr(type(sampler), name)).parameters
                assert list(inspect.signature(member).parameters) == list(theirs), name

    @pytest.mark.parametrize("stratified", [True, False])
    def test_a_weighed_draw_is_a_draw_with_a_weight_for_each(self, stratified: bool) -> None:
        sampler = self.filled(*np.random.default_rng(0).random(50))
        drawn = sampler.draw(np.random.default_rng(7), 200, stratified)
        slots, weights = sampler.draw_weighed(np.random.default_rng(7), 200, stratified, 0.4)

        assert np.array_equal(drawn, slots)
        assert np.allclose((sampler.masses(slots) / sampler.min_mass) ** -0.4, weights, rtol=1e-12)
        assert 1.0 >= weights.max() * (1.0 - 1e-12)
        empty = sampler.draw_weighed(np.random.default_rng(7), 0, stratified, 0.4)
        assert [0, 0] == [len(part) for part in empty]

    def test_a_weighed_draw_from_nothing_is_a_shortage(self) -> None:
        with pytest.raises(NotEnoughItems):
            self.make(5).draw_weighed(np.random.default_rng(0), 2, True, 0.4)

    @pytest.mark.parametrize("capacity", [1, 3, 50, 5000])
    def test_it_agrees_with_a_dict_of_priorities(self, capacity: int) -> None:
        rng, sampler = np.random.default_rng(capacity), self.make(capacity)
        twin: dict[int, float] = {}
        for _ in range(40):
            slots = rng.integers(capacity, size=int(rng.integers(12)))
            priorities = rng.choice([0.0, 1.0, 1e-12, 1e12, 3.5], size=slots.size) * rng.random(slots.size)
            if rng.random() < 0.6:
                sampler.set(slots, priorities)
            else:
                for slot, priority in zip(slots.tolist(), priorities.tolist(), strict=True):
                    sampler.set_one(slot, priority)
            twin.update(zip(slots.tolist(), priorities.tolist(), strict=True))
            removed = rng.integers(capacity, size=int(rng.integers(5)))
            sampler.remove(removed)
            for slot in removed.tolist():
                twin.pop(slot, None)
            self.compare(sampler, twin, rng)

    def compare(self, sampler: Any, twin: dict[int, float], rng: np.random.Generator) -> None:
        """Compares a sampler with a dict of priorities."""
        live = sorted(twin)
        dead = sorted(set(range(3)) - set(live)) if live and max(live) >= 2 else []
        assert len(twin) == len(sampler)
        assert [twin[slot] for slot in live] == sampler.priorities(live).tolist()
        assert np.isnan(sampler.priorities(dead)).all()
        masses = sampler.masses(live)
        assert [0.0] * len(dead) == sampler.masses(dead).tolist()
        assert masses.sum() == pytest.approx(sampler.total, rel=1e-9)
        assert min(masses[masses > 0], default=np.inf) == pytest.approx(sampler.min_mass, rel=1e-12)
        for stratified in (True, False) if live else ():
            drawn = sampler.draw(rng, 30, stratified)
            assert (np.dtype(np.int64), 30) == (drawn.dtype, drawn.size)
            assert set(drawn.tolist()) <= set(live)
            few = live[: len(live) // 2 + 1] + dead
            assert set(sampler.draw_among(rng, few, 30, stratified).tolist()) <= set(live) & set(few)

    @pytest.mark.parametrize("stratified", [True, False])
    def test_slots_are_drawn_in_proportion_to_their_masses(self, stratified: bool) -> None:
        rng = np.random.default_rng(1)
        sampler = self.filled(*np.linspace(0.5, 4.0, 24))
        sampler.remove([5, 6, 23])
        live = np.setdiff1d(np.arange(24), [5, 6, 23])
        drawn = np.concatenate([sampler.draw(rng, 12, stratified) for _ in range(5000)])

        expected = sampler.masses(live) / sampler.total * drawn.size
        assert 4.0 > surprise(np.bincount(drawn, minlength=24)[live], expected)

    @pytest.mark.parametrize("stratified", [True, False])
    def test_draws_among_some_slots_keep_their_proportions(self, stratified: bool) -> None:
        rng = np.random.default_rng(2)
        sampler = self.filled(*np.linspace(0.5, 4.0, 24))
        sampler.remove([5])
        some = np.array([20, 3, 5, 11, 3])
        drawn = np.concatenate([sampler.draw_among(rng, some, 12, stratified) for _ in range(5000)])

        masses = sampler.masses([20, 3, 11]) * [1, 2, 1]
        counts = np.bincount(drawn, minlength=24)
        assert 4.0 > surprise(counts[[20, 3, 11]], masses / masses.sum() * drawn.size)

    def test_stratified_draws_come_one_from_each_stratum(self) -> None:
        rng = np.random.default_rng(0)
        sampler = self.filled(*rng.random(1000))
        often = np.bincount(sampler.draw(rng, 20_000), minlength=1000)

        assert 2.0 >= np.abs(often - sampler.masses(np.arange(1000)) / sampler.total * 20_000).max()

    def test_no_draws_of_nothing_are_no_shortage(self) -> None:
        rng = np.random.default_rng(0)

        assert [] == self.make(5).draw(rng, 0).tolist()
        assert [] == self.make(5).draw_among(rng, [], 0).tolist()

    def test_drawing_where_nothing_is_live_is_a_shortage(self) -> None:
        rng, sampler = np.random.default_rng(0), self.filled(1.0, 2.0)
        sampler.remove([0, 1])

        assert (0.0, np.inf) == (sampler.total, sampler.min_mass)
        for empty in (sampler, self.make(2)):
            with pytest.raises(NotEnoughItems):
                empty.draw(rng, 3)
            with pytest.raises(NotEnoughItems):
                empty.draw_among(rng, [0], 3)

    def test_of_a_slot_named_twice_the_last_priority_stays_and_it_counts_once(self) -> None:
        sampler = self.make(5)
        sampler.set([1, 2, 1, 1], [9.0, 5.0, 3.0, 1.0])

        assert 2 == len(sampler)
        assert [1.0, 5.0] == sampler.priorities([1, 2]).tolist()
        sampler.remove([1, 1, 3])
        assert 1 == len(sampler)

    def test_one_priority_may_serve_for_all_slots(self) -> None:
        sampler = self.make(5)
        sampler.set([1, 3], 2.0)

        assert [2.0, 2.0] == sampler.priorities([1, 3]).tolist()

    @pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, -1e-7])
    def test_a_poisoned_priority_is_refused_with_nothing_changed(self, wrong: float) -> None:
        sampler = self.filled(1.0, 3.0, 2.0)
        before = sampler.state_dict()

        with pytest.raises(BadPriority):
            sampler.set([0, 1, 2], [9.0, wrong, 9.0])
        with pytest.raises(BadPriority):
            sampler.set_one(1, wrong)
        assert self.unchanged(sampler, before)

    @pytest.mark.parametrize("wrong", [-1, 3])
    def test_a_slot_out_of_range_is_refused_with_nothing_changed(self, wrong: int) -> None:
        sampler = self.filled(1.0, 3.0, 2.0)
        before = sampler.state_dict()

        with pytest.raises(IndexError):
            sampler.set([0, wrong], [9.0, 9.0])
        with pytest.raises(IndexError):
            sampler.set_one(wrong, 9.0)
        assert self.unchanged(sampler, before)

    def test_the_highest_priority_can_be_weighed(self) -> None:
        sampler = self.filled(1.0, 1.0)
        sampler.set([0, 1], sampler.highest)

        assert np.isfinite(sampler.total)
        assert {0, 1} == set(sampler.draw(np.random.default_rng(0), 100).tolist())

    def test_a_cleared_sampler_is_like_a_new_one(self) -> None:
        sampler = self.filled(1.0, 2.0, 3.0)
        sampler.clear()

        assert (0, 0.0, np.inf) == (len(sampler), sampler.total, sampler.min_mass)
        sampler.set_one(2, 1.0)
        assert [2, 2] == sampler.draw(np.random.default_rng(0), 2).tolist()

    def test_a_state_brings_back_the_same_draws(self) -> None:
        rng = np.random.default_rng(0)
        sampler, twin = self.filled(*rng.random(500)), self.make(500)
        sampler.remove(rng.integers(500, size=50))
        twin.set([0], [5.0])
        twin.load_state_dict(sampler.state_dict())

        for other in (twin, copy.deepcopy(sampler)):
            assert len(sampler) == len(other)
            one, two = np.random.default_rng(1), np.random.default_rng(1)
            assert sampler.draw(one, 1000).tolist() == other.draw(two, 1000).tolist()
            assert one.random() == two.random()

    def test_the_state_is_a_copy(self) -> None:
        sampler = self.filled(1.0, 2.0)
        state = copy.deepcopy(sampler.state_dict())
        sampler.set([0, 1], [8.0, 9.0])
        sampler.load_state_dict(state)

        assert [1.0, 2.0] == sampler.priorities([0, 1]).tolist()

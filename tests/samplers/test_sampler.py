from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.errors import BadPriority, NotEnoughItems
from ding_buffer.samplers.proportional import ProportionalSampler
from ding_buffer.samplers.rank_based import RankSampler
from ding_buffer.samplers.sampler import PrioritySampler

MAKERS = {
    "proportional": lambda capacity: ProportionalSampler(capacity, alpha=0.6),
    "proportional without epsilon": lambda capacity: ProportionalSampler(capacity, alpha=0.6, epsilon=0.0),
    "rank": lambda capacity: RankSampler(capacity, alpha=0.7),
}
PRIORITIES = st.one_of(st.sampled_from([0.0, 1.0, 1e-12, 1e12]), st.floats(0, 10, width=32))
BATCH = st.lists(st.tuples(st.integers(0, 10**6), PRIORITIES), max_size=20)


@pytest.fixture(params=list(MAKERS))
def make(request):
    return MAKERS[request.param]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def filled(make, priorities):
    sampler = make(len(priorities))
    sampler.set(np.arange(len(priorities)), priorities)
    return sampler


def unchanged(sampler, before):
    after = sampler.state_dict()
    sampler.check()
    return all(np.array_equal(before[key], after[key]) for key in before)


def test_it_has_every_method_of_the_contract_with_the_same_arguments(make):
    sampler = make(5)

    assert isinstance(sampler, PrioritySampler)
    for name, member in vars(PrioritySampler).items():
        if inspect.isfunction(member) and name[0] != "_":
            assert inspect.signature(member) == inspect.signature(getattr(type(sampler), name))


@given(
    st.sampled_from(list(MAKERS.values())),
    st.sampled_from([1, 3, 50, 5000]),
    st.lists(st.tuples(BATCH, BATCH, st.lists(st.integers(0, 10**6), max_size=20)), max_size=5),
)
def test_it_agrees_with_a_dict_of_priorities(make, capacity, rounds):
    sampler = make(capacity)
    twin: dict[int, float] = {}
    for batch, singles, removed in rounds:
        slots = [slot % capacity for slot, _ in batch]
        sampler.set(slots, [priority for _, priority in batch])
        twin.update(zip(slots, [priority for _, priority in batch], strict=True))
        for slot, priority in singles:
            sampler.set_one(slot % capacity, priority)
            twin[slot % capacity] = priority
        removed = [slot % capacity for slot in removed]
        sampler.remove(removed)
        for slot in removed:
            twin.pop(slot, None)

        sampler.check()
        live = sorted(twin)
        dead = sorted(set(range(min(capacity, 50))) - set(live))
        assert len(twin) == len(sampler)
        assert [twin[slot] for slot in live] == sampler.priorities(live).tolist()
        assert np.isnan(sampler.priorities(dead)).all()
        masses = sampler.masses(live)
        assert [0.0] * len(dead) == sampler.masses(dead).tolist()
        assert masses.sum() == pytest.approx(sampler.total, rel=1e-9)
        assert min(masses[masses > 0], default=np.inf) == pytest.approx(sampler.min_mass, rel=1e-12)
        if live:
            rng = np.random.default_rng(0)
            for stratified in (True, False):
                drawn = sampler.draw(rng, 30, stratified)
                assert (np.dtype(np.int64), 30) == (drawn.dtype, drawn.size)
                assert (sampler.masses(drawn) > 0).all()
                few = live[: len(live) // 2 + 1] + dead
                assert set(sampler.draw_among(rng, few, 30, stratified).tolist()) <= set(live) & set(few)


def test_stratified_draws_come_one_from_each_stratum(make, rng):
    sampler = filled(make, rng.random(1000))
    drawn = sampler.draw(rng, 1000 * 20)

    often = np.bincount(drawn, minlength=1000)
    expected = sampler.masses(np.arange(1000)) / sampler.total * 20_000
    assert np.abs(often - expected).max() <= 2.0


def test_independent_draws_do_not_come_in_order(make, rng):
    drawn = filled(make, rng.random(1000)).draw(rng, 100, stratified=False)

    assert drawn.tolist() != sorted(drawn.tolist())


def test_no_draws_of_nothing_are_no_shortage(make, rng):
    assert [] == make(5).draw(rng, 0).tolist()
    assert [] == make(5).draw_among(rng, [], 0).tolist()


def test_drawing_where_nothing_is_live_is_a_shortage(make, rng):
    sampler = filled(make, [1.0, 2.0])
    sampler.remove([0, 1])

    assert 0.0 == sampler.total
    assert np.inf == sampler.min_mass
    with pytest.raises(NotEnoughItems, match="asked for 3"):
        sampler.draw(rng, 3)
    with pytest.raises(NotEnoughItems, match="asked for 3"):
        make(2).draw(rng, 3)


def test_drawing_among_slots_that_are_not_live_is_a_shortage(make, rng):
    sampler = filled(make, [1.0, 2.0, 3.0])
    sampler.remove([0])

    with pytest.raises(NotEnoughItems, match="asked for 3 of 1"):
        sampler.draw_among(rng, [0], 3)
    with pytest.raises(NotEnoughItems, match="asked for 3 of 0"):
        sampler.draw_among(rng, [], 3)


def test_capacity_one_draws_its_only_slot(make, rng):
    sampler = filled(make, [0.0])

    assert [0, 0, 0] == sampler.draw(rng, 3).tolist()
    assert sampler.total == sampler.min_mass == sampler.masses([0])[0]


def test_of_a_slot_named_twice_the_last_priority_stays_and_it_counts_once(make):
    sampler = make(5)
    sampler.set([1, 2, 1, 1], [9.0, 5.0, 3.0, 1.0])

    assert 2 == len(sampler)
    assert [1.0, 5.0] == sampler.priorities([1, 2]).tolist()
    sampler.remove([1, 1, 3])
    assert 1 == len(sampler)


def test_one_priority_may_serve_for_all_slots(make):
    sampler = make(5)
    sampler.set([1, 3], 2.0)

    assert [2.0, 2.0] == sampler.priorities([1, 3]).tolist()


def test_no_slots_change_nothing(make):
    sampler = filled(make, [1.0, 2.0])
    sampler.set([], [])
    sampler.remove([])

    assert [1.0, 2.0] == sampler.priorities([0, 1]).tolist()
    assert [] == sampler.masses([]).tolist()
    assert [] == sampler.priorities([]).tolist()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, -1e-7, -1.0])
def test_a_poisoned_priority_is_refused_with_nothing_changed(make, wrong):
    sampler = filled(make, [1.0, 3.0, 2.0])
    before = sampler.state_dict()

    with pytest.raises(BadPriority, match="a priority must be finite and not negative"):
        sampler.set([0, 1, 2], [9.0, wrong, 9.0])
    with pytest.raises(BadPriority, match="a priority must be finite and not negative"):
        sampler.set_one(1, wrong)
    assert unchanged(sampler, before)


@pytest.mark.parametrize("wrong", [["much"], [[1.0, 2.0], [3.0]], [1.0], [1.0, 2.0, 3.0], [1.0, None]])
def test_priorities_that_are_not_as_many_numbers_as_slots_are_refused_with_nothing_changed(make, wrong):
    sampler = filled(make, [1.0, 3.0, 2.0])
    before = sampler.state_dict()

    with pytest.raises(BadPriority):
        sampler.set([0, 1], wrong)
    assert unchanged(sampler, before)


@pytest.mark.parametrize("wrong", [-1, 3])
def test_a_slot_out_of_range_is_refused_with_nothing_changed(make, wrong):
    sampler = filled(make, [1.0, 3.0, 2.0])
    before = sampler.state_dict()

    for call in (
        lambda: sampler.set([0, wrong], [9.0, 9.0]),
        lambda: sampler.set_one(wrong, 9.0),
        lambda: sampler.remove([0, wrong]),
        lambda: sampler.masses([0, wrong]),
        lambda: sampler.priorities([0, wrong]),
        lambda: sampler.draw_among(np.random.default_rng(0), [0, wrong], 1),
    ):
        with pytest.raises(IndexError, match=f"slot {wrong}"):
            call()
    assert unchanged(sampler, before)


@pytest.mark.parametrize("wrong", [-0.1, np.nan, np.inf])
def test_an_alpha_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="alpha must be"):
        ProportionalSampler(5, alpha=wrong)
    with pytest.raises(ValueError, match="alpha must be"):
        RankSampler(5, alpha=wrong)


def test_a_cleared_sampler_is_like_a_new_one(make, rng):
    sampler = filled(make, rng.random(50))
    sampler.set_one(3, 9.0)
    sampler.clear()

    sampler.check()
    assert (0, 0.0, np.inf) == (len(sampler), sampler.total, sampler.min_mass)
    sampler.set_one(4, 1.0)
    assert [4, 4] == sampler.draw(rng, 2).tolist()


def test_a_state_brings_back_the_same_draws(make, rng):
    sampler, twin = filled(make, rng.random(5000)), make(5000)
    sampler.remove(rng.integers(5000, size=100))
    sampler.set(rng.integers(5000, size=100), rng.random(100))
    for slot in rng.integers(5000, size=100).tolist():
        sampler.set_one(slot, float(rng.random()))
    twin.set([0], [5.0])
    twin.load_state_dict(sampler.state_dict())

    twin.check()
    assert len(sampler) == len(twin)
    assert sampler.total == twin.total
    assert sampler.min_mass == twin.min_mass
    one, other = np.random.default_rng(1), np.random.default_rng(1)
    assert sampler.draw(one, 1000).tolist() == twin.draw(other, 1000).tolist()
    assert one.random() == other.random()


def test_the_state_of_an_empty_sampler_empties_another(make):
    sampler = filled(make, [1.0, 2.0])
    sampler.load_state_dict(make(2).state_dict())

    sampler.check()
    assert 0 == len(sampler)


@pytest.mark.parametrize(
    "state",
    [
        {"priorities": np.ones(4), "live": np.ones(4, dtype=bool)},
        {"priorities": np.ones(3), "live": np.ones(3)},
        {"priorities": np.array([1.0, np.nan, 1.0]), "live": np.ones(3, dtype=bool)},
        {"priorities": np.array([1.0, -1.0, 1.0]), "live": np.zeros(3, dtype=bool)},
    ],
)
def test_a_state_that_cannot_be_is_refused_with_nothing_changed(make, state):
    sampler = filled(make, [1.0, 3.0, 2.0])
    before = sampler.state_dict()

    with pytest.raises(ValueError, match=r"shape|bool|finite"):
        sampler.load_state_dict(state)
    assert unchanged(sampler, before)

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.structures.sum_tree import SumTree

# One level, two and three, full blocks and ragged ones.
CAPACITIES = [1, 2, 15, 16, 17, 4096, 4097, 5000, 65536, 65537, 70000]
MASSES = st.one_of(
    st.just(0.0), st.floats(0, 10), st.sampled_from([1e-300, 1e-12, 1.0, 1e12, 5e-324, 1e300, -0.0])
)


class NaiveTree:
    """The leaves, and a linear scan for everything."""

    def __init__(self, capacity):
        self.leaves = np.zeros(capacity)

    def set(self, slots, masses):
        for slot, mass in zip(slots, masses, strict=True):
            self.leaves[slot] = mass

    @property
    def min_positive(self):
        return min((mass for mass in self.leaves.tolist() if mass > 0.0), default=np.inf)

    def find(self, targets):
        return np.cumsum(self.leaves).searchsorted(targets, side="right")


def surprise(counts, expected):
    """Chi-square as a standard normal deviate (Wilson and Hilferty): above 4 has a probability of 3e-5."""
    counts, expected = np.asarray(counts, dtype=float), np.asarray(expected, dtype=float)
    assert expected.min() > 5
    free = counts.size - 1
    statistic = ((counts - expected) ** 2 / expected).sum()
    return ((statistic / free) ** (1 / 3) - (1 - 2 / (9 * free))) / np.sqrt(2 / (9 * free))


def surprise_of_finding(find, masses, groups=50, n=200_000):
    """How surprising it is, if slots are found by mass, how often each group of neighbours is found."""
    targets = np.random.default_rng(11).random(n) * masses.sum()
    group = np.arange(masses.size) * groups // masses.size
    expected = np.bincount(group, weights=masses) / masses.sum() * n
    return surprise(np.bincount(group[find(targets)], minlength=groups), expected)


def filled(masses):
    tree = SumTree(len(masses))
    tree.fill(masses)
    return tree


def dwarfed(n):
    """One mass beside which float32 does not see the others, which together are a tenth of the total."""
    masses = np.ones(n)
    masses[0] = 2.0**24
    masses[1:] = 2.0**24 / 9 / (n - 1)
    return masses


@given(
    st.sampled_from(CAPACITIES),
    st.lists(st.lists(st.tuples(st.integers(0, 10**9), MASSES), max_size=30), max_size=5),
)
def test_the_tree_agrees_with_a_linear_scan(capacity, batches):
    tree, naive = SumTree(capacity), NaiveTree(capacity)
    for batch in batches:
        slots, masses = [slot % capacity for slot, _ in batch], [mass for _, mass in batch]
        tree.set(slots, masses)
        naive.set(slots, masses)

        tree.check()
        assert np.array_equal(naive.leaves, tree.leaves)
        assert np.array_equal(naive.leaves[slots], tree.masses(slots))
        assert naive.min_positive == tree.min_positive
        assert naive.leaves.sum() == pytest.approx(tree.total, rel=1e-12)
        if naive.leaves.any():
            found = tree.find(np.linspace(0.0, 1.0, 50) * tree.total)
            assert (naive.leaves[found] > 0.0).all()


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_whole_masses_are_found_exactly_where_a_linear_scan_finds_them(capacity):
    rng = np.random.default_rng(capacity)
    masses = rng.integers(0, 4, capacity).astype(float)
    masses[-1] = 1.0
    naive = NaiveTree(capacity)
    naive.leaves = masses
    # Whole numbers and halves are summed without rounding: on an edge the next leaf is the right one.
    targets = np.concatenate(
        (np.arange(min(masses.sum(), 5000)), rng.integers(0, masses.sum() * 2, 5000) / 2)
    )

    assert naive.find(targets).tolist() == filled(masses).find(targets).tolist()


def test_a_new_tree_is_empty():
    tree = SumTree(5)

    assert 0.0 == tree.total
    assert np.inf == tree.min_positive
    assert [0.0] * 5 == tree.leaves.tolist()
    tree.check()


def test_nothing_is_found_where_there_is_no_mass():
    tree = SumTree(5)
    tree.set([1], [1.0])
    tree.set([1], [0.0])

    with pytest.raises(ValueError, match="all masses are zero"):
        tree.find([0.0])


def test_no_targets_find_no_slots():
    assert [] == SumTree(5).find([]).tolist()


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_a_single_leaf_is_always_found(capacity):
    for slot in {0, capacity // 2, capacity - 1}:
        tree = SumTree(capacity)
        tree.set([slot], [0.3])

        assert 0.3 == tree.total == tree.min_positive
        assert [slot] * 4 == tree.find([0.0, 0.1, 0.29999999999999993, 0.3]).tolist()


@pytest.mark.parametrize("capacity", [100, 5000, 70000])
def test_a_leaf_of_mass_zero_is_never_found_not_even_at_or_beyond_the_total(capacity):
    rng = np.random.default_rng(5)
    masses = 10.0 ** rng.uniform(-12, 12, capacity) * (rng.random(capacity) < 0.3)
    masses[:20] = masses[-20:] = 0.0
    tree = filled(masses)
    edges = np.cumsum(masses)
    targets = np.concatenate((edges, np.nextafter(edges, 0), np.nextafter(edges, np.inf), [0.0, tree.total]))

    assert (masses[tree.find(targets)] > 0.0).all()


@pytest.mark.parametrize("capacity", [100, 5000, 70000])
def test_at_or_beyond_the_total_lies_the_last_leaf_with_mass(capacity):
    masses = np.random.default_rng(5).random(capacity)
    masses[:20] = masses[-20:] = 0.0
    tree = filled(masses)

    assert [20, capacity - 21, capacity - 21] == tree.find([0.0, tree.total, 1e300]).tolist()


def test_slots_are_found_by_mass_over_a_huge_range_of_magnitudes():
    rng = np.random.default_rng(3)
    masses = 10.0 ** rng.uniform(-12, 0, 5000)
    masses[2500] = 1e12
    tree = filled(masses)

    assert {2500} == set(tree.find(rng.random(10_000) * tree.total).tolist())
    tree.set([2500], [0.0])
    assert masses.sum() - 1e12 == pytest.approx(tree.total, rel=1e-3)
    masses[2500] = 0.0
    assert 4.0 > surprise_of_finding(tree.find, masses)


def test_after_a_giant_is_gone_the_dwarfs_have_their_exact_sum():
    tree = filled(np.full(5000, 1e-12))
    tree.set([77], [1e12])
    assert 1e12 == pytest.approx(tree.total)
    tree.set([77], [1e-12])

    assert 5e-9 == pytest.approx(tree.total, rel=1e-12)


def test_equal_masses_are_found_equally_often():
    assert 4.0 > surprise_of_finding(filled(np.full(5000, 0.1)).find, np.full(5000, 0.1))


@pytest.mark.parametrize("masses", [dwarfed(70_000), np.random.default_rng(1).random(5000) ** 3])
def test_slots_are_found_in_proportion_to_their_mass(masses):
    assert 4.0 > surprise_of_finding(filled(masses).find, masses)


def test_sums_in_float32_would_be_noticed():
    masses = dwarfed(70_000)
    ends = np.cumsum(masses, dtype=np.float32)
    ends[-1] = np.inf

    assert 4.0 < surprise_of_finding(lambda targets: ends.searchsorted(targets, side="right"), masses)


def test_a_slot_too_far_would_be_noticed():
    masses = np.random.default_rng(1).random(100) ** 3
    tree = filled(masses)

    assert 4.0 > surprise_of_finding(tree.find, masses, groups=20)
    assert 4.0 < surprise_of_finding(
        lambda targets: np.minimum(tree.find(targets) + 1, 99), masses, groups=20
    )


def test_of_a_slot_named_twice_the_last_mass_stays():
    tree = SumTree(5000)
    tree.set([3, 4, 3, 3], [1.0, 2.0, 3.0, 0.5])

    assert [0.5, 2.0] == tree.masses([3, 4]).tolist()
    assert 2.5 == tree.total


def test_one_mass_may_serve_for_all_slots():
    tree = SumTree(10)
    tree.set([1, 5], 2.0)

    assert 4.0 == tree.total


def test_masses_set_one_by_one_are_as_good_as_all_at_once():
    one_by_one, at_once = SumTree(70_000), SumTree(70_000)
    masses = np.random.default_rng(0).random(10_000)
    for slot, mass in enumerate(masses.tolist()):
        one_by_one.set_one(slot * 7, mass)
    at_once.set(np.arange(10_000) * 7, masses)

    one_by_one.check()
    at_once.check()
    assert at_once.total == one_by_one.total
    assert at_once.min_positive == one_by_one.min_positive


def test_many_batches_between_two_looks_are_all_seen():
    tree = SumTree(70_000)
    rng = np.random.default_rng(0)
    for size in [1, 4000, 100, 5000, 3, 4096, 4097]:
        tree.set(rng.integers(70_000, size=size), rng.random(size))

    tree.check()


def test_a_million_updates_do_not_drift():
    tree = SumTree(5000)
    rng = np.random.default_rng(0)
    for _ in range(1000):
        tree.set(rng.integers(5000, size=1000), 10.0 ** rng.uniform(-12, 12, 1000))
        tree.find([0.0])

    tree.check()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, -1e-300, 1.7e308])
def test_a_mass_that_cannot_be_is_refused_with_nothing_changed(wrong):
    tree = filled(np.arange(5000.0))
    before = tree.total

    with pytest.raises(ValueError, match="a mass must be finite"):
        tree.set([1, 2, 3], [5.0, wrong, 5.0])
    with pytest.raises(ValueError, match="a mass must be finite"):
        tree.set_one(2, wrong)
    with pytest.raises(ValueError, match="a mass must be finite"):
        tree.fill(np.full(5000, wrong))
    with pytest.raises(ValueError, match="a mass must be finite"):
        tree.load_state_dict({"leaves": np.full(5000, wrong)})
    assert np.arange(5000.0).tolist() == tree.leaves.tolist()
    assert before == tree.total
    tree.check()


@pytest.mark.parametrize("wrong", [-1, 5000])
def test_a_slot_out_of_range_is_refused_with_nothing_changed(wrong):
    tree = filled(np.arange(5000.0))

    with pytest.raises(IndexError):
        tree.set([1, wrong], [9.0, 9.0])
    with pytest.raises(IndexError):
        tree.set_one(wrong, 9.0)
    with pytest.raises(IndexError):
        tree.masses([wrong])
    assert np.arange(5000.0).tolist() == tree.leaves.tolist()


def test_as_many_masses_as_slots_are_wanted():
    with pytest.raises(ValueError, match="got 2 masses for 3 slots"):
        SumTree(5).set([1, 2, 3], [1.0, 2.0])
    with pytest.raises(ValueError, match="shape"):
        SumTree(5).fill([1.0, 2.0])
    with pytest.raises(ValueError, match="shape"):
        SumTree(5).load_state_dict({"leaves": np.ones(4)})
    with pytest.raises(ValueError, match="at least one leaf"):
        SumTree(0)


@pytest.mark.parametrize("wrong", [-1e-9, np.nan])
def test_a_target_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="a target must be"):
        filled(np.ones(5)).find([0.5, wrong])


def test_masses_as_heavy_as_allowed_have_a_finite_total():
    tree = SumTree(5000)
    tree.fill(tree.heaviest)

    assert np.isfinite(tree.total)
    assert 4999 == tree.find([tree.total])[0]


def test_negative_zero_is_no_mass():
    tree = SumTree(5000)
    tree.set([1, 2], [-0.0, 0.25])

    assert 0.25 == tree.min_positive
    tree.set([2], [-0.0])
    assert np.inf == tree.min_positive


def test_the_leaves_cannot_be_written_past_the_tree():
    with pytest.raises(ValueError, match="read-only"):
        SumTree(5).leaves[0] = 1.0


@pytest.mark.parametrize("capacity", [5, 5000])
def test_a_cleared_tree_is_like_a_new_one(capacity):
    tree = filled(np.ones(capacity))
    tree.set([1], [3.0])
    tree.clear()

    tree.check()
    assert 0.0 == tree.total
    assert np.inf == tree.min_positive


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda tree: pickle.loads(pickle.dumps(tree))])
def test_a_copy_is_a_tree_of_its_own(copied):
    tree = filled(np.ones(5000))
    tree.set([7], [2.0])
    twin = copied(tree)
    twin.set([8], [5.0])

    twin.check()
    assert 5001.0 == tree.total
    assert 5005.0 == twin.total


def test_a_state_brings_back_the_same_finds():
    rng = np.random.default_rng(0)
    tree, twin = filled(rng.random(70_000)), SumTree(70_000)
    tree.set(rng.integers(70_000, size=300), rng.random(300))
    state = tree.state_dict()
    twin.load_state_dict(state)
    targets = rng.random(1000) * tree.total
    tree.set([0], [100.0])

    assert tree.total != twin.total
    tree.load_state_dict(state)
    assert tree.total == twin.total
    assert tree.find(targets).tolist() == twin.find(targets).tolist()


def spoil_a_sum(tree):
    tree._sums[1][3] += 1e-9


def spoil_a_minimum(tree):
    tree._lows[1][3] += np.uint64(1)


def spoil_the_top(tree):
    tree._starts[3] += 1e-9


def spoil_the_smallest(tree):
    # Everything is as its leaves say, but for what is remembered of the smallest.
    tree._sums[0][:2] = 0.5, 1.5
    for lows in tree._lows[1:]:
        lows[:1] = np.negative(np.array([0.5]).view(np.uint64))


@pytest.mark.parametrize("spoil", [spoil_a_sum, spoil_a_minimum, spoil_the_top, spoil_the_smallest])
def test_a_node_that_disagrees_with_its_leaves_is_noticed(spoil):
    tree = filled(np.ones(5000))
    tree.check()
    spoil(tree)

    with pytest.raises(RuntimeError, match="disagree"):
        tree.check()

from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.structures.sum_tree import SumTree


@pytest.mark.parametrize("widest_top", [1, 16, 256, 4096])
@pytest.mark.parametrize("capacity", [1, 17, 5000, 70000])
def test_a_tree_is_right_whatever_the_width_of_its_top(capacity, widest_top):
    # Whole numbers: every sum is exact.
    masses = np.random.default_rng(capacity).integers(0, 4, capacity).astype(float)
    masses[capacity // 2] = 3.0
    tree = SumTree(capacity, widest_top)
    tree.fill(masses)
    tree.set([0, capacity - 1], [2.0, 1.0])
    masses[[0, capacity - 1]] = 2.0, 1.0

    tree.check()
    targets = np.arange(masses.sum())
    assert masses.sum() == tree.total
    assert np.cumsum(masses).searchsorted(targets, side="right").tolist() == tree.find(targets).tolist()


def test_a_top_has_a_node():
    with pytest.raises(ValueError, match="the top of a sum tree has at least one node, got widest_top=0"):
        SumTree(10, 0)


@pytest.mark.parametrize("count", [3, 5000])
def test_masses_weighed_from_priorities_count_at_once(count):
    tree = SumTree(70000)
    priorities, live = np.zeros(70000), np.zeros(70000, dtype=bool)
    slots = np.arange(count) * 7
    became = tree.weigh(priorities, live, slots, np.full(count, 2.0), 1.0, 2.0, 10.0)

    assert count == became
    assert 9.0 * count == tree.total
    assert 2.0 * count == priorities.sum()
    tree.check()


def test_an_infinite_target_finds_the_last_leaf_with_mass():
    for tree in (SumTree(10), SumTree(70000)):
        tree.set([3, 7], 1.0)
        assert [7, 7, 3] == tree.find([np.inf, 1e300, 0.5]).tolist()

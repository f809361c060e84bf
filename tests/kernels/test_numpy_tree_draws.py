"""Both kernels draw in proportion to the masses, where trees in single precision no longer do."""

from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.kernels import numpy_tree
from ding_buffer.testing.distribution import surprise
from tests.kernels.test_numpy_tree import new_tree

DRAWS = 400_000
NEIGHBOURS = 100
SIZES = [1_000_000, 10_000_000]


def masses_of(n):
    """Masses over six decades, then ones: as much as an item of priority 1 beside a full buffer."""
    masses = np.ones(n)
    skewed = 10.0 ** np.random.default_rng(n).uniform(-3.0, 3.0, n // 2)
    masses[: n // 2] = skewed / skewed.sum() * 1.5 * 2.0**24
    return masses


def surprise_of(draw, masses):
    """How surprising it is how often the even and the odd leaves of each neighbourhood are drawn."""
    total = masses.sum()
    targets = np.random.default_rng(7).random(DRAWS) * total
    leaves = np.arange(masses.size)
    group = leaves * NEIGHBOURS // masses.size * 2 + leaves % 2
    expected = np.bincount(group, weights=masses) / total * DRAWS
    return surprise(np.bincount(group[draw(targets)], minlength=2 * NEIGHBOURS), expected)


def single_prefix_sums(masses):
    """Draws by prefix sums in float32."""
    ends = np.cumsum(masses.astype(np.float32), dtype=np.float32)
    return lambda targets: ends.searchsorted(targets.astype(np.float32), side="right").clip(
        max=masses.size - 1
    )


def single_binary_tree(masses):
    """Draws by a binary tree of float32 sums, as the common ones are."""
    levels = [np.zeros(1 << (masses.size - 1).bit_length(), dtype=np.float32)]
    levels[0][: masses.size] = masses
    while levels[-1].size > 1:
        levels.append(levels[-1][::2] + levels[-1][1::2])

    def draw(targets):
        rest, nodes = targets.astype(np.float32), np.zeros(targets.size, dtype=np.int64)
        for level in levels[-2::-1]:
            left = level[2 * nodes]
            goes_right = rest >= left
            rest = np.where(goes_right, rest - left, rest)
            nodes = 2 * nodes + goes_right
        return nodes.clip(max=masses.size - 1)

    return draw


@pytest.mark.parametrize("n", SIZES)
def test_leaves_are_drawn_in_proportion_to_their_masses(compiled, n):
    masses = masses_of(n)
    levels, lows, starts = new_tree(n, 256, masses)
    for kernels in (compiled, numpy_tree):
        kernels.tree_sum(levels, lows, starts, None)
        assert 4.0 > surprise_of(
            lambda targets, draw=kernels.tree_draw: draw(levels, starts, targets), masses
        )


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("fault", [single_prefix_sums, single_binary_tree])
def test_sums_in_single_precision_would_be_noticed(fault, n):
    masses = masses_of(n)

    assert 4.0 < surprise_of(fault(masses), masses)

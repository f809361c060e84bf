from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.samplers.targets import draw_targets, pick_positions


class Topmost(np.random.Generator):
    """A generator whose every number is the largest that a generator can give."""

    def __init__(self):
        super().__init__(np.random.PCG64(0))

    def random(self, size=None, dtype=np.float64, out=None):
        return np.full(size, 1.0 - 2.0**-53)


@pytest.mark.parametrize("n", [0, 1, 7, 1000])
def test_each_stratum_holds_one_target(n):
    targets = draw_targets(np.random.default_rng(0), n, 50.0, stratified=True)

    assert list(range(n)) == np.floor(targets * n / 50.0).tolist()


def test_independent_targets_are_spread_over_the_whole_total(surprise):
    targets = draw_targets(np.random.default_rng(0), 100_000, 50.0, stratified=False)

    assert 4.0 > surprise(np.bincount(targets.astype(int), minlength=50), np.full(50, 2000.0))
    assert targets.tolist() != sorted(targets.tolist())


@pytest.mark.parametrize("stratified", [True, False])
def test_positions_are_picked_in_proportion_to_their_masses(surprise, stratified):
    masses = np.array([0.0, 1.0, 0.0, 2.5, 0.25, 7.0, 0.0])
    rng = np.random.default_rng(1)
    picked = np.concatenate([pick_positions(masses, rng, 8, stratified) for _ in range(8000)])
    counts = np.bincount(picked, minlength=7)

    assert [0, 0, 0] == counts[[0, 2, 6]].tolist()
    assert 4.0 > surprise(counts[masses > 0], masses[masses > 0] / masses.sum() * 64_000)
    assert 4.0 < surprise(np.roll(counts[masses > 0], 1), masses[masses > 0] / masses.sum() * 64_000)


@pytest.mark.parametrize("stratified", [True, False])
def test_a_target_carried_up_to_the_total_picks_the_last_position_with_mass(stratified):
    for n in range(1, 50):
        masses = np.append(np.random.default_rng(n).random(30), [0.0, 0.0])

        assert 29 == pick_positions(masses, Topmost(), n, stratified).max()


@pytest.mark.parametrize("masses", [[], [0.0], [0.0, 0.0]])
def test_without_mass_nothing_can_be_picked(masses):
    with pytest.raises(ValueError, match="all masses are zero"):
        pick_positions(np.array(masses), np.random.default_rng(0), 1, stratified=True)

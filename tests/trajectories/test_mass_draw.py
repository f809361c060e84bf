"""Which of many comes next, in proportion to a mass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ding_buffer.testing.distribution import surprise
from ding_buffer.trajectories.mass_draw import MassDraw

MASSES = np.array([1.0, 0.0, 5.0, 2.0, 8.0])
DRAWS = 50_000


def counts(draw: MassDraw, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.bincount([draw.draw(rng) for _ in range(draws)], minlength=len(MASSES))


def fit(drawn: np.ndarray, masses: np.ndarray) -> float:
    there = masses > 0
    return surprise(drawn[there], masses[there] / masses.sum() * drawn.sum())


@pytest.mark.parametrize("stratified", [False, True])
def test_places_come_in_proportion_to_their_masses(stratified: bool) -> None:
    drawn = counts(MassDraw(MASSES, stratified))

    assert 0 == drawn[1]
    assert fit(drawn, MASSES) < 4


def test_the_fit_sees_masses_that_are_five_percent_off() -> None:
    assert fit(counts(MassDraw(MASSES * [1, 1, 1.05, 1, 0.95])), MASSES) > 4


def test_stratified_draws_of_equal_masses_give_every_place_once_before_any_twice() -> None:
    draw, rng = MassDraw(np.ones(7), stratified=True), np.random.default_rng(0)
    rounds = [[draw.draw(rng) for _ in range(7)] for _ in range(20)]

    assert all(list(range(7)) == sorted(drawn) for drawn in rounds)
    assert len({tuple(drawn) for drawn in rounds}) > 10


def test_stratified_draws_are_closer_to_the_masses_than_independent_ones() -> None:
    masses = np.arange(1, 41, dtype=float)

    def spread(stratified: bool) -> float:
        rng, draw = np.random.default_rng(0), MassDraw(masses, stratified)
        drawn = np.bincount([draw.draw(rng) for _ in range(4000)], minlength=40)
        return float(((drawn - masses / masses.sum() * 4000) ** 2).sum())

    assert spread(True) < spread(False) / 2


def test_a_copy_with_another_generator_begins_another_round() -> None:
    draw = MassDraw(np.ones(50), stratified=True)
    draw.draw(np.random.default_rng(0))
    rng = np.random.default_rng(1)

    assert list(range(50)) == sorted(draw.draw(rng) for _ in range(50))


def test_rounding_never_leads_to_a_place_without_mass() -> None:
    class Highest:
        def random(self) -> float:
            return float(np.nextafter(1.0, 0.0))

    rng: Any = Highest()
    assert 2 == MassDraw([0.1, 0.1, 0.1, 0.0]).draw(rng)


@pytest.mark.parametrize("masses", [[], [0.0], [-1.0, 2.0], [np.nan], [np.inf], [[1.0]]])
def test_masses_that_mean_nothing_are_refused(masses: Any) -> None:
    with pytest.raises(ValueError, match="Masses must be"):
        MassDraw(masses)

from __future__ import annotations

import math
from typing import Any

import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.samplers.survival import given_chance, replacement_chance


@pytest.mark.parametrize(
    ("capacity", "survival", "expected"),
    [(10, 100, 0.28799), (1, 10, 0.057722), (1000, 1e6, 0.0074850), (200, 5000, 0.23502)],
)
def test_the_formula_is_that_of_the_original(capacity, survival, expected):
    assert expected == pytest.approx(replacement_chance(capacity, survival), rel=1e-4)


def test_it_is_close_to_the_coupon_collectors_time():
    harmonic = sum(1 / number for number in range(1, 101))

    assert 100 * harmonic / 5000 == pytest.approx(replacement_chance(100, 5000), rel=1e-2)


def test_what_is_too_short_to_be_met_is_always_replaced():
    assert 1.0 == replacement_chance(10, 20)
    assert 0.0 == replacement_chance(10, math.inf)


def test_a_buffer_without_room_replaces_nothing_to_speak_of():
    assert 1.0 == replacement_chance(0, 10)


@pytest.mark.parametrize("survival", [0, -1, -0.5, math.nan, True, "5"])
def test_a_survival_that_is_not_positive_is_refused(survival):
    with pytest.raises(BadArgument, match="expected_survival_length must be positive"):
        replacement_chance(10, survival)


def test_a_probability_is_one_of_zero_to_one_and_by_default_one():
    assert [1.0, 0.0, 0.25, 1.0] == [given_chance(chance, None) for chance in (None, 0.0, 0.25, 1.0)]
    wrongs: tuple[Any, ...] = (-0.01, 1.01, math.nan, True, "0.5")
    for wrong in wrongs:
        with pytest.raises(BadArgument, match=r"between 0\.0 and 1\.0 inclusive"):
            given_chance(wrong, None)


def test_both_at_once_are_refused():
    with pytest.raises(
        BadArgument, match="Cannot specify both replace_probability and expected_survival_len"
    ):
        given_chance(0.5, 10)

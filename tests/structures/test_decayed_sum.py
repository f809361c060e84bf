from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.structures.clock import ManualClock
from ding_buffer.structures.decayed_sum import DecayedSum


def test_nothing_fades_while_no_time_passes():
    fading = DecayedSum(30, ManualClock())
    fading.add(3)
    fading.add(4.5)

    assert 7.5 == fading.value


def test_a_hundredth_is_left_after_one_window():
    clock = ManualClock(100)
    fading = DecayedSum(30, clock)
    fading.add(200)
    clock.advance(30)

    assert 2.0 == pytest.approx(fading.value)
    clock.advance(15)
    assert 0.2 == pytest.approx(fading.value)


def test_reading_often_changes_nothing():
    clock = ManualClock()
    often, once = DecayedSum(10, clock), DecayedSum(10, clock)
    for fading in (often, once):
        fading.add(64)
    for _ in range(1000):
        clock.advance(0.01)
        assert often.value <= 64

    assert once.value == pytest.approx(often.value)


@given(
    steps=st.lists(st.tuples(st.floats(0, 20), st.floats(-100, 100)), max_size=30),
    window=st.sampled_from([0.5, 7.0, 30.0, math.inf]),
)
def test_it_is_the_sum_of_all_parts_each_faded_by_its_age(steps, window):
    clock = ManualClock()
    fading, parts = DecayedSum(window, clock), []
    for wait, number in steps:
        clock.advance(wait)
        fading.add(number)
        parts.append((clock.now, number))
        expected = sum(part * 0.01 ** ((clock.now - then) / window) for then, part in parts)

        assert expected == pytest.approx(fading.value, rel=1e-9, abs=1e-9)


def test_it_can_be_set_and_goes_on_fading_from_there():
    clock = ManualClock()
    fading = DecayedSum(10, clock)
    fading.add(1)
    clock.advance(3)
    fading.value = 50
    clock.advance(10)

    assert 0.5 == pytest.approx(fading.value)


def test_an_infinite_window_never_forgets():
    clock = ManualClock()
    fading = DecayedSum(math.inf, clock)
    fading.add(3)
    clock.advance(1e9)

    assert 3.0 == fading.value


def test_a_clock_that_runs_backwards_is_taken_to_stand_still():
    times = iter([10.0, 10.0, 4.0, 9.0, 10.0])
    fading = DecayedSum(1, lambda: next(times))
    fading.add(8)

    assert [8.0] * 3 == [fading.value for _ in range(3)]


def test_after_a_very_long_time_nothing_is_left_and_nothing_breaks():
    clock = ManualClock()
    fading = DecayedSum(1e-3, clock)
    fading.add(1e300)
    clock.advance(1e6)

    assert 0.0 == fading.value


def test_the_clock_is_that_of_the_process_unless_another_is_given():
    before = time.monotonic()
    fading = DecayedSum(1e9)
    fading.add(1)

    assert 1.0 == pytest.approx(fading.value)
    assert time.monotonic() >= before


@pytest.mark.parametrize("window", [0, -1, math.nan])
def test_an_impossible_window_is_refused(window):
    with pytest.raises(ValueError, match="window_seconds"):
        DecayedSum(window)

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.structures.window_stats import WindowStats


def told(stats: WindowStats) -> tuple:
    return stats.count, stats.avg, stats.max, stats.min


def test_an_empty_window_tells_nothing():
    assert (0, None, None, None) == told(WindowStats(3))
    assert WindowStats(3).newest is None


def test_figures_worked_out_by_hand():
    stats = WindowStats(3)
    seen = []
    for tick, value in enumerate([4, 1, 7, 2, 2]):
        stats.add(tick, value)
        seen.append(told(stats))

    assert [(1, 4, 4, 4), (2, 2.5, 4, 1), (3, 4, 7, 1), (3, 10 / 3, 7, 1), (3, 11 / 3, 7, 2)] == seen
    assert [(2, 7), (3, 2), (4, 2)] == list(stats)


def test_many_numbers_may_have_one_tick_and_a_tick_may_be_any_number():
    stats = WindowStats(1.5)
    for tick, value in [(0.0, 1), (0.0, 3), (1.25, 5), (1.5, 7)]:
        stats.add(tick, value)

    assert (2, 6, 7, 5) == told(stats)


def test_forgetting_lets_go_of_older_ticks_and_keeps_the_rest():
    stats = WindowStats(10)
    for tick in range(6):
        stats.add(tick, tick * 10)
    stats.forget(4)
    assert (2, 45, 50, 40) == told(stats)
    stats.forget(4)
    assert 2 == stats.count
    stats.forget(math.inf)
    assert (0, None, None, None) == told(stats)


def test_ints_stay_exact_and_floats_do_not_drift():
    stats = WindowStats(2)
    for tick, value in enumerate([10**30, 1e300, 0.1, 0.2]):
        stats.add(tick, value)
    assert (0.1 + 0.2) / 2 == stats.avg

    stats = WindowStats(1)
    for tick in range(3):
        stats.add(tick, 2**60 + tick)
    assert 2**60 + 2 == stats.max == stats.min


def test_a_nan_is_gone_when_it_has_fallen_out():
    stats = WindowStats(2)
    stats.add(0, math.nan)
    stats.add(1, 1.0)
    assert math.isnan(stats.avg or 0)
    stats.add(2, 3.0)

    assert (2, 2.0, 3.0, 1.0) == told(stats)


def test_a_tick_that_falls_is_refused_and_changes_nothing():
    stats = WindowStats(5)
    stats.add(3, 1)
    for tick in (2, math.nan):
        with pytest.raises(ValueError, match="came after 3"):
            stats.add(tick, 9)

    assert (1, 1, 1, 1) == told(stats)


@pytest.mark.parametrize("window", [0, -1, math.nan, True, "3", None])
def test_an_impossible_window_is_refused(window):
    with pytest.raises(ValueError, match="window"):
        WindowStats(window)


@given(
    st.integers(1, 6),
    st.lists(
        st.tuples(st.sampled_from(["add", "add", "add", "forget"]), st.integers(0, 3), st.integers(-9, 9)),
        max_size=60,
    ),
)
def test_any_operations_agree_with_a_plain_list(window, operations):
    stats, now = WindowStats(window), 0
    held: list[tuple[int, int]] = []
    for kind, steps, value in operations:
        now += steps
        if kind == "add":
            stats.add(now, value)
            held = [entry for entry in [*held, (now, value)] if entry[0] > now - window]
        else:
            before = now - abs(value)
            stats.forget(before)
            held = [entry for entry in held if entry[0] >= before]
        values = [number for _, number in held]
        assert held == list(stats)
        assert len(held) == len(stats) == stats.count
        expected = (sum(values) / len(values), max(values), min(values)) if values else (None, None, None)
        assert expected == (stats.avg, stats.max, stats.min)
        assert (held[-1][0] if held else None) == stats.newest

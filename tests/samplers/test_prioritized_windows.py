from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.samplers.prioritized_windows import (
    Wanted,
    draw_window,
    mix,
    window_mixes,
    window_sums,
)
from ding_buffer.structures.group_index import GroupIndex

MASSES = st.lists(st.floats(0, 1e6), min_size=1, max_size=20)


def group_of(length, evicted=0):
    index = GroupIndex()
    for serial in range(length):
        index.add(serial, serial, "a")
    for slot in range(evicted):
        index.evict(slot)
    return index.groups[0]


@pytest.mark.parametrize(
    ("unroll_len", "between", "part"),
    [
        (0, None, (0, 10)),
        (4, None, (0, 10)),
        (10, None, (0, 10)),
        (11, None, None),
        (0, (3, 7), (3, 7)),
        (4, (3, 7), (3, 7)),
        (5, (3, 7), None),
        (0, (8, 99), (8, 10)),
        (0, (10, 99), None),
        (0, (4, 4), None),
    ],
)
def test_a_group_takes_part_where_it_is_long_enough(unroll_len, between, part):
    assert part == Wanted(unroll_len, False, between).part(group_of(10))


def test_evicted_items_take_no_part():
    group = group_of(10, evicted=4)
    bounds = Wanted(0, False, None).part(group)

    assert bounds is not None
    assert list(range(4, 10)) == group.slots[slice(*bounds)]


def test_every_group_that_takes_part_is_listed():
    index = GroupIndex()
    for serial, value in enumerate("abacab"):
        index.add(serial, serial, value)

    parts = Wanted(2, False, None).parts(index)
    assert ["a", "b"] == [group.value for group, _, _ in parts]


@given(MASSES, st.integers(1, 20))
def test_the_mass_of_a_window_is_the_sum_of_its_items(masses, length):
    length = min(length, len(masses))
    right = [sum(masses[start : start + length]) for start in range(len(masses) - length + 1)]
    sums = window_sums(np.array(masses), length)

    assert right == pytest.approx(sums.tolist(), rel=1e-6, abs=1e-6)
    assert (sums >= 0).all()


@given(MASSES, st.integers(1, 20), st.floats(0, 1))
def test_the_mixed_mass_of_a_window_lies_between_mean_and_highest(masses, length, eta):
    length = min(length, len(masses))
    found = window_mixes(eta)(np.array(masses), length)
    for start, mass in enumerate(found.tolist()):
        window = np.array(masses[start : start + length])
        assert eta * window.max() + (1 - eta) * window.mean() == pytest.approx(mass)
        assert mix(window, eta) == mass


def counted(masses, wanted, measure=window_sums, times=50_000):
    rng, group = np.random.default_rng(0), group_of(len(masses))
    part = (group, 0, len(masses))
    starts = [draw_window(rng, part, np.array(masses), 1.0, wanted, measure).slots[0] for _ in range(times)]
    return np.bincount(starts, minlength=len(masses))


def test_windows_are_drawn_by_what_the_measure_says(surprise):
    masses = [1.0, 5.0, 0.5, 2.0, 3.0, 1.5]
    counts = counted(masses, Wanted(3, False, None))
    right = window_sums(np.array(masses), 3)

    assert 0 == counts[4:].sum()
    assert 3.7 > surprise(counts[:4], right / right.sum() * 50_000)
    assert 3.7 < surprise(counts[:4], [12_500.0] * 4)


def test_blocks_begin_at_multiples_and_the_last_is_the_trailing_one(surprise):
    masses = [1.0, 5.0, 0.5, 2.0, 3.0, 1.5, 1.0]
    counts = counted(masses, Wanted(3, True, None))
    right = window_sums(np.array(masses), 3)[[0, 3, 4]]

    assert 50_000 == counts[[0, 3, 4]].sum()
    assert 3.7 > surprise(counts[[0, 3, 4]], right / right.sum() * 50_000)


def test_windows_without_mass_are_drawn_alike(surprise):
    assert 3.7 > surprise(counted([0.0] * 5, Wanted(2, False, None))[:4], [12_500.0] * 4)


def test_a_window_without_mass_beside_others_is_never_drawn():
    assert 0 == counted([0.0, 0.0, 1.0, 1.0], Wanted(2, False, None), times=2000)[0]


def test_masses_of_windows_share_the_mass_of_their_group():
    masses, group = np.array([1.0, 2.0, 3.0]), group_of(3)
    rng, wanted = np.random.default_rng(0), Wanted(2, False, None)
    found = {
        window.slots[0]: window.mass
        for window in (draw_window(rng, (group, 0, 3), masses, 16.0, wanted, window_sums) for _ in range(50))
    }

    assert {0: 16.0 * 3 / 8, 1: 16.0 * 5 / 8} == pytest.approx(found)


def test_a_whole_part_keeps_the_mass_it_was_drawn_by():
    group = group_of(5)
    wanted = Wanted(0, False, (1, 4))
    window = draw_window(np.random.default_rng(0), (group, 1, 4), np.ones(3), 7.0, wanted, window_sums)

    assert ([1, 2, 3], 7.0) == (list(window.slots), window.mass)

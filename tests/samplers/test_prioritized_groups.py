from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ding_buffer.core.errors import NotEnoughItems
from ding_buffer.samplers.prioritized_groups import Grouping, draw_by_items
from ding_buffer.samplers.prioritized_windows import Wanted
from ding_buffer.samplers.proportional import ProportionalSampler
from ding_buffer.structures.group_index import GroupIndex

VALUES = [*"abacabcadbbacdaaebca", None, None]
"""The group of each item; its serial is its place, its slot comes from elsewhere."""
SLOTS = np.random.default_rng(4).permutation(30)[: len(VALUES)]
SERIALS = dict(zip(SLOTS.tolist(), range(len(VALUES)), strict=True))
MASSES = np.random.default_rng(5).uniform(0.3, 3.0, len(VALUES))


def serials_of(slots):
    return np.array([SERIALS[slot] for slot in np.asarray(slots).tolist()], dtype=np.int64)


def made(values=VALUES, masses=MASSES):
    index, sampler = GroupIndex(), ProportionalSampler(30, alpha=1.0, epsilon=0.0)
    for serial, value in enumerate(values):
        index.add(int(SLOTS[serial]), serial, value)
    if len(values):
        sampler.set(SLOTS[: len(values)], masses[: len(values)])
    return Grouping(index, serials_of), sampler


def expected(wanted, masses=MASSES, values=VALUES):
    """The chance of each window: its group by the sum of its masses, then the window by its own sum."""
    chances = {}
    low, high = wanted.between or (0, len(values))
    for value in set(values) - {None}:
        members = [serial for serial in range(low, high) if values[serial] == value]
        length, unroll = len(members), wanted.unroll_len
        if length < max(unroll, 1):
            continue
        begins = [0]
        if unroll:
            begins = list(range(length - unroll + 1))
            if wanted.sliced:
                begins = sorted({min(begin, length - unroll) for begin in range(0, length, unroll)})
        windows = {tuple(members[begin : begin + (unroll or length)]): 0.0 for begin in begins}
        whole = sum(masses[window].sum() for window in map(list, windows))
        for window in windows:
            chances[window] = masses[members].sum() * masses[list(window)].sum() / whole
    total = sum(chances.values())
    return {window: chance / total for window, chance in chances.items()}


def surprise_of_draws(surprise, wanted, draw=draw_by_items, stratified=True, size=50, times=1000):
    rng = np.random.default_rng(8)
    grouping, sampler = made()
    seen: Counter = Counter()
    for _ in range(times):
        windows = draw(rng, sampler, grouping, size, wanted, stratified)
        assert size == len(windows)
        seen.update(tuple(serials_of(window.slots).tolist()) for window in windows)
    chances = expected(wanted)
    assert set(seen) <= set(chances)
    return surprise(
        [seen[window] for window in chances], [chance * size * times for chance in chances.values()]
    )


WANTED = {
    "whole groups": Wanted(0, False, None),
    "whole groups in a range": Wanted(0, False, (3, 14)),
    "windows": Wanted(3, False, None),
    "windows in a range": Wanted(2, False, (2, 19)),
    "windows of which few groups have one": Wanted(7, False, None),
    "blocks": Wanted(3, True, None),
    "blocks in a range": Wanted(2, True, (2, 19)),
}


@pytest.mark.parametrize("wanted", WANTED.values(), ids=WANTED.keys())
def test_groups_are_drawn_by_their_mass_and_windows_by_theirs(surprise, wanted):
    assert 3.7 > surprise_of_draws(surprise, wanted)


def test_independent_draws_are_fair_too(surprise):
    assert 3.7 > surprise_of_draws(surprise, WANTED["windows in a range"], stratified=False)


def without_the_last(rng, sampler, grouping, size, wanted, stratified):
    """Never takes the last window of group b."""
    groups = grouping.groups
    last = groups.get("b").slots[-1]
    drawn = draw_by_items(rng, sampler, grouping, 2 * size, wanted, stratified)
    rng.shuffle(drawn)
    return [window for window in drawn if window.slots[-1] != last][:size]


def by_counts(rng, sampler, grouping, size, wanted, stratified):
    """Takes every item for as heavy as the next."""
    alike = ProportionalSampler(30, alpha=0.0)
    alike.set(SLOTS[: len(VALUES)], 1.0)
    return draw_by_items(rng, alike, grouping, size, wanted, stratified)


@pytest.mark.parametrize("fault", [without_the_last, by_counts])
@pytest.mark.parametrize("wanted", [WANTED["windows"], WANTED["blocks"]], ids=["windows", "blocks"])
def test_a_fault_in_drawing_would_be_noticed(surprise, fault, wanted):
    assert 3.7 < surprise_of_draws(surprise, wanted, draw=fault, times=400)


@pytest.mark.parametrize("wanted", WANTED.values(), ids=WANTED.keys())
def test_the_mass_of_a_window_is_in_proportion_to_its_chance(wanted):
    grouping, sampler = made()
    chances = expected(wanted)
    windows = draw_by_items(np.random.default_rng(0), sampler, grouping, 300, wanted, stratified=True)
    ratios = {round(window.mass / chances[tuple(serials_of(window.slots).tolist())], 6) for window in windows}

    assert 1 == len(ratios)


def test_where_few_items_may_be_drawn_all_that_may_are_looked_at(surprise):
    values = ["a", "b"] * 2 + [None] * 18
    masses = np.array([1.0, 2.0, 3.0, 4.0] + [1e6] * 18)
    grouping, sampler = made(values, masses)
    rng, seen = np.random.default_rng(0), Counter[str]()
    for _ in range(1000):
        drawn = draw_by_items(rng, sampler, grouping, 50, Wanted(0, False, None), stratified=False)
        seen.update(grouping.groups.of(window.slots[0]).value for window in drawn)

    assert 3.7 > surprise([seen["a"], seen["b"]], [20_000, 30_000])
    assert 3.7 < surprise([seen["b"], seen["a"]], [20_000, 30_000])


def test_items_without_mass_may_be_all_that_a_range_has():
    masses = np.array([0.0, 0.0, 5.0])
    grouping, sampler = made(["a", "b", "c"], masses)
    drawn = draw_by_items(np.random.default_rng(0), sampler, grouping, 50, Wanted(0, False, (0, 2)), True)

    assert {0, 1} == {serials_of(window.slots)[0] for window in drawn}


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([], Wanted(0, False, None)),
        ([None, None], Wanted(0, False, None)),
        (["a", "b"], Wanted(2, False, None)),
        (["a", "b"], Wanted(0, False, (7, 9))),
    ],
)
def test_no_group_that_may_be_drawn_is_a_shortage(values, wanted):
    grouping, sampler = made(values)

    with pytest.raises(NotEnoughItems, match="less than 3 groups"):
        draw_by_items(np.random.default_rng(0), sampler, grouping, 3, wanted, stratified=True)

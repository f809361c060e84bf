from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ding_buffer.core.errors import NotEnoughItems
from ding_buffer.samplers.group_mass import GroupMasses
from ding_buffer.samplers.prioritized_windows import Wanted
from ding_buffer.samplers.proportional import ProportionalSampler
from ding_buffer.structures.group_index import GroupIndex

VALUES = [*"abacabcadbbacdaaebca", None, None]
MASSES = np.random.default_rng(5).uniform(0.3, 3.0, len(VALUES))
ETA = 0.7


def made(values=VALUES, masses=MASSES, eta=ETA):
    """Each item's slot is its serial."""
    index, sampler = GroupIndex(), ProportionalSampler(40, alpha=1.0, epsilon=0.0)
    for serial, value in enumerate(values):
        index.add(serial, serial, value)
    if len(values):
        sampler.set(np.arange(len(values)), masses[: len(values)])
    return index, sampler, GroupMasses(index, sampler, eta)


def mix(masses, eta=ETA):
    return eta * masses.max() + (1 - eta) * masses.mean()


def expected(index, sampler, wanted):
    chances = {}
    low, high = wanted.between or (0, 10**6)
    for group in index.groups:
        members = [slot for slot in group.slots[group.head :] if low <= slot < high]
        length, unroll = len(members), wanted.unroll_len
        if length < max(unroll, 1):
            continue
        begins = [0]
        if unroll:
            begins = list(range(length - unroll + 1))
            if wanted.sliced:
                begins = sorted({min(begin, length - unroll) for begin in range(0, length, unroll)})
        windows = [tuple(members[begin : begin + (unroll or length)]) for begin in begins]
        own = np.array([mix(sampler.masses(list(window))) for window in windows])
        for window, mass in zip(windows, own, strict=True):
            chances[window] = mix(sampler.masses(members)) * mass / own.sum()
    total = sum(chances.values())
    return {window: chance / total for window, chance in chances.items()}


def surprise_of_draws(surprise, subject, wanted, stratified=True, size=50, times=1000):
    index, sampler, masses = subject
    rng, seen = np.random.default_rng(8), Counter[tuple]()
    for _ in range(times):
        drawn = masses.draw(rng, size, wanted, stratified)
        seen.update(tuple(window.slots) for window in drawn)
    chances = expected(index, sampler, wanted)
    assert set(seen) <= set(chances)
    return surprise(
        [seen[window] for window in chances], [chance * size * times for chance in chances.values()]
    )


WANTED = {
    "whole groups": Wanted(0, False, None),
    "whole groups in a range": Wanted(0, False, (3, 14)),
    "windows": Wanted(3, False, None),
    "blocks": Wanted(3, True, None),
    "blocks in a range": Wanted(2, True, (2, 19)),
}


@pytest.mark.parametrize("wanted", WANTED.values(), ids=WANTED.keys())
def test_groups_and_windows_are_drawn_by_the_mix_of_highest_and_mean(surprise, wanted):
    assert 3.7 > surprise_of_draws(surprise, made(), wanted)


def test_independent_draws_are_fair_too(surprise):
    assert 3.7 > surprise_of_draws(surprise, made(), WANTED["whole groups in a range"], stratified=False)


def test_another_mix_would_be_noticed(surprise):
    for eta in (0.0, 1.0):
        index, sampler, masses = made(eta=eta)
        assert 3.7 < surprise_of_draws(surprise, (index, sampler, masses), WANTED["whole groups"])


def test_a_change_that_nobody_was_told_of_would_be_noticed(surprise):
    index, sampler, masses = made()
    masses.draw(np.random.default_rng(0), 1, WANTED["whole groups"], stratified=True)
    sampler.set([0, 1], [20.0, 30.0])

    assert 3.7 < surprise_of_draws(surprise, (index, sampler, masses), WANTED["whole groups"])


def changed():
    """Groups after pushes, evictions, deletions, moves and new priorities, a look at them in between."""
    index, sampler, masses = made()
    rng = np.random.default_rng(0)
    masses.draw(rng, 5, WANTED["whole groups"], stratified=True)
    for slot in range(4):
        index.evict(slot)
        masses.touch([slot])
    sampler.remove([0, 1, 2, 3])
    index.remove([9, 16], [9, 16])  # 16 was all of group e
    sampler.remove([9, 16])
    masses.touch([9, 16])
    masses.draw(rng, 5, WANTED["whole groups"], stratified=True)
    for serial, value in ((22, "f"), (23, "f"), (24, "b")):
        index.add(serial, serial, value)
        sampler.set_one(serial, 2.5)
        masses.touch([serial])
    index.move(12, 12, "f")
    sampler.set([12, 5], [6.0, 0.1])
    masses.touch([12, 5])
    index.move(20, 20, "a")
    masses.touch([20])
    return index, sampler, masses


@pytest.mark.parametrize(
    "wanted", [WANTED["whole groups"], Wanted(2, False, None)], ids=["groups", "windows"]
)
def test_masses_follow_what_happens_to_items(surprise, wanted):
    index, sampler, masses = changed()

    assert 3.7 > surprise_of_draws(surprise, (index, sampler, masses), wanted)


@pytest.mark.parametrize("wanted", WANTED.values(), ids=WANTED.keys())
def test_the_mass_of_a_window_is_in_proportion_to_its_chance(wanted):
    index, sampler, masses = made()
    chances = expected(index, sampler, wanted)
    windows = masses.draw(np.random.default_rng(0), 300, wanted, stratified=True)

    assert 1 == len({round(window.mass / chances[tuple(window.slots)], 6) for window in windows})


def test_groups_without_mass_are_drawn_alike_and_so_are_their_windows(surprise):
    _, _, masses = made([*"aaabbc", "z"], np.array([0.0] * 6 + [5.0]))
    rng = np.random.default_rng(0)
    wanted = Wanted(2, False, (0, 6))
    seen = Counter(tuple(window.slots) for _ in range(1000) for window in masses.draw(rng, 50, wanted, True))

    assert 3.7 > surprise([seen[0, 1], seen[1, 2], seen[3, 4]], [12_500, 12_500, 25_000])


def test_no_group_that_may_be_drawn_is_a_shortage():
    for values, wanted in (
        ([], WANTED["windows"]),
        (["a"], WANTED["windows"]),
        ([None], WANTED["whole groups"]),
    ):
        _, _, masses = made(values)
        with pytest.raises(NotEnoughItems, match="less than 2 groups"):
            masses.draw(np.random.default_rng(0), 2, wanted, stratified=True)

"""Prioritised replay of groups and of windows within them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, ChainError, NotEnoughItems
from ding_buffer.middleware.group_sampling import group_sample
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.testing.distribution import surprise
from tests.middleware.tally import Tally, tally

LIMIT = 3.72  # a standard normal deviate lies above it with a probability of 1e-4
DRAWS, BATCH = 50_000, 500
ETA, ALPHA, EPSILON, BETA = 0.9, 0.6, 1e-5, 0.4

LENGTHS = {"a": 3, "b": 5, "c": 1, "d": 4, None: 2}
ENVS = [env for env, length in LENGTHS.items() for _ in range(length)]
np.random.default_rng(2).shuffle(ENVS)
PRIORITIES = np.random.default_rng(3).exponential(size=len(ENVS))

Oracle = dict[tuple[int, ...], float]


def masses(priorities: np.ndarray, mode: str) -> np.ndarray:
    if mode == "proportional":
        return (priorities + EPSILON) ** ALPHA
    ranks = np.empty(len(priorities))
    ranks[np.argsort(-priorities, kind="stable")] = np.arange(1, len(priorities) + 1)
    return ranks**-ALPHA


def total(items: np.ndarray) -> float:
    return float(items.sum())


def mix(items: np.ndarray) -> float:
    return float(ETA * items.max() + (1 - ETA) * items.mean())


def begins(length: int, unroll_len: int, sliced: bool) -> list[int]:
    last = length - unroll_len
    return (
        sorted({min(start, last) for start in range(0, length, unroll_len)})
        if sliced
        else list(range(last + 1))
    )


def expected_chances(
    mass: np.ndarray, of: Callable[[np.ndarray], float], unroll_len: int, sliced: bool, allowed: range
) -> Oracle:
    """The chance of every group or window, by enumeration: by its group's mass, then by its own."""
    chances: Oracle = {}
    for env in LENGTHS:
        members = [place for place in allowed if ENVS[place] == env]
        if env is None or len(members) < max(unroll_len, 1):
            continue
        whole = of(mass[members])
        if not unroll_len:
            chances[tuple(members)] = whole
            continue
        windows = [
            tuple(members[start : start + unroll_len]) for start in begins(len(members), unroll_len, sliced)
        ]
        own = np.array([of(mass[list(window)]) for window in windows])
        chances |= dict(zip(windows, (whole * own / own.sum()).tolist(), strict=True))
    whole = sum(chances.values())
    return {window: chance / whole for window, chance in chances.items()}


def filled(layer: PriorityExperienceReplay, sliced: bool = False) -> DequeBuffer:
    buffer = DequeBuffer(len(ENVS), sliced=sliced, seed=4).use(layer, Tally())
    buffer.extend(range(len(ENVS)), meta={"env": ENVS, "priority": PRIORITIES})
    return buffer


def drawn(buffer: DequeBuffer, **query) -> Counter[tuple[int, ...]]:
    return tally(buffer, DRAWS, BATCH, groupby="env", **query).groups


def surprise_of(found: Counter[tuple[int, ...]], expected: Oracle) -> float:
    assert set(found) <= set(expected)
    if len(expected) == 1:
        return 0.0
    chances = np.array(list(expected.values()))
    return surprise([found[window] for window in expected], chances * DRAWS)


MODES = pytest.mark.parametrize("mode", ["proportional", "rank"])
MASSES = pytest.mark.parametrize(("group_mass", "of"), [("sum", total), ("mix", mix)])


@MODES
@MASSES
@pytest.mark.parametrize("stratified", [True, False])
def test_a_group_is_drawn_by_its_mass(mode, group_mass, of, stratified):
    buffer = filled(PriorityExperienceReplay(mode=mode, group_mass=group_mass, stratified=stratified))
    expected = expected_chances(masses(PRIORITIES, mode), of, 0, False, range(len(ENVS)))

    assert LIMIT > surprise_of(drawn(buffer), expected)


@MASSES
@pytest.mark.parametrize(("unroll_len", "sliced"), [(1, True), (2, False), (3, True), (4, False)])
def test_a_window_is_drawn_by_its_mass_within_its_group(group_mass, of, sliced, unroll_len):
    buffer = filled(PriorityExperienceReplay(group_mass=group_mass), sliced=sliced)
    expected = expected_chances(masses(PRIORITIES, "proportional"), of, unroll_len, sliced, range(len(ENVS)))

    assert LIMIT > surprise_of(drawn(buffer, unroll_len=unroll_len), expected)


@MASSES
@pytest.mark.parametrize("unroll_len", [0, 2])
def test_a_range_leaves_of_each_group_what_lies_in_it(group_mass, of, unroll_len):
    buffer = filled(PriorityExperienceReplay(group_mass=group_mass))
    allowed = range(4, len(ENVS) - 1)
    expected = expected_chances(masses(PRIORITIES, "proportional"), of, unroll_len, False, allowed)

    found = drawn(buffer, unroll_len=unroll_len, sample_range=slice(4, -1))

    assert LIMIT > surprise_of(found, expected)


class TakesTheMean(PriorityExperienceReplay):
    """Draws groups by another mass than it says."""

    def bind(self, buffer):
        self._eta = 0.6
        super().bind(buffer)


def test_a_wrong_mass_would_be_noticed():
    expected = expected_chances(masses(PRIORITIES, "proportional"), mix, 0, False, range(len(ENVS)))

    assert LIMIT < surprise_of(drawn(filled(TakesTheMean(group_mass="mix"))), expected)


def test_a_sum_is_not_a_mix():
    expected = expected_chances(masses(PRIORITIES, "proportional"), total, 0, False, range(len(ENVS)))

    assert LIMIT < surprise_of(drawn(filled(PriorityExperienceReplay(group_mass="mix"))), expected)


@MODES
@MASSES
def test_groups_follow_updates_deletes_evictions_and_moves(mode, group_mass, of):
    """Each kind of change comes after a draw, and nothing kept from that draw may decide the next."""
    buffer = filled(PriorityExperienceReplay(mode=mode, group_mass=group_mass))
    buffer.sample(4, groupby="env")
    buffer.update(buffer[6].index, meta={"priority": 40.0, "env": ENVS[6]})
    buffer.sample(4, groupby="env")
    buffer.update([buffer[9].index], meta={"env": ["z"]})
    buffer.sample(4, groupby="env")
    buffer.delete([buffer[2].index, buffer[11].index])
    buffer.sample(4, groupby="env")
    for number in range(4):  # two of them evict
        buffer.push(100 + number, {"env": "ay"[number % 2], "priority": 3.0 * number})

    items = list(buffer)
    mass = masses(np.array([item.meta["priority"] for item in items]), mode)
    if mode == "rank":  # equal priorities would rank by slot; here there are none
        assert len(items) == len({item.meta["priority"] for item in items})
    chances: Oracle = {}
    for env in {item.meta["env"] for item in items} - {None}:
        members = [place for place, item in enumerate(items) if item.meta["env"] == env]
        chances[tuple(items[place].data for place in members)] = of(mass[members])
    whole = sum(chances.values())

    found = drawn(buffer)

    assert LIMIT > surprise_of(found, {group: chance / whole for group, chance in chances.items()})


@MASSES
def test_without_epsilon_the_last_positive_priority_takes_all(group_mass, of):
    buffer = DequeBuffer(6, seed=0).use(PriorityExperienceReplay(group_mass=group_mass, epsilon=0.0))
    buffer.extend(range(6), meta={"env": [0, 0, 1, 1, 2, 2], "priority": 0.0})

    assert {0, 1, 2} == {group[0].meta["env"] for group in buffer.sample(60, groupby="env")}

    buffer.update(buffer[3].index, meta={"env": 1, "priority": 2.0})

    assert {1} == {group[0].meta["env"] for group in buffer.sample(60, groupby="env")}


@MASSES
@pytest.mark.parametrize("unroll_len", [0, 2])
def test_a_group_weighs_its_chance_over_the_least_of_the_batch(group_mass, of, unroll_len):
    buffer = filled(PriorityExperienceReplay(group_mass=group_mass, IS_weight_anneal_train_iter=0))
    mass = masses(PRIORITIES, "proportional")
    chances = expected_chances(mass, of, unroll_len, False, range(len(ENVS)))

    batch = buffer.sample(30, groupby="env", unroll_len=unroll_len)

    least = min(chances[tuple(item.data for item in group)] for group in batch)
    for group in batch:
        weight = (chances[tuple(item.data for item in group)] / least) ** -BETA
        assert [pytest.approx(weight)] * len(group) == [item.meta["priority_IS"] for item in group]
    assert 1.0 == max(item.meta["priority_IS"] for group in batch for item in group)


def test_items_without_the_key_are_never_drawn_as_a_group():
    buffer = DequeBuffer(6, seed=0).use(PriorityExperienceReplay())
    buffer.extend(range(6), meta=[{"env": 1, "priority": 0.0}] * 2 + [{"priority": 1000.0}] * 4)

    assert {(0, 1)} == {tuple(item.data for item in group) for group in buffer.sample(50, groupby="env")}


@pytest.mark.parametrize("group_mass", ["sum", "mix"])
def test_there_is_a_shortage_only_where_no_group_may_be_drawn(group_mass):
    buffer = filled(PriorityExperienceReplay(group_mass=group_mass))

    assert 100 == len(buffer.sample(100, groupby="env", unroll_len=5))
    with pytest.raises(NotEnoughItems):
        buffer.sample(1, groupby="env", unroll_len=6)
    assert [] == buffer.sample(1, groupby="env", unroll_len=6, ignore_insufficient=True)


def test_a_step_in_the_range_of_groups_is_refused():
    with pytest.raises(BadArgument, match="step"):
        filled(PriorityExperienceReplay()).sample(1, groupby="env", sample_range=slice(0, None, 2))


def test_a_group_drawn_twice_is_independent_copies():
    buffer = DequeBuffer(2, seed=0).use(PriorityExperienceReplay())
    buffer.extend([{"obs": np.zeros(1)} for _ in range(2)], meta={"env": 0})

    first, second = buffer.sample(2, groupby="env")
    first[0].data["obs"][:] = 7

    assert 0.0 == second[0].data["obs"][0]


@pytest.mark.parametrize("outside", [True, False])
def test_groups_drawn_by_priority_can_be_cut(outside):
    layers = [group_sample(2), PriorityExperienceReplay()]
    buffer = DequeBuffer(len(ENVS), seed=4).use(*(layers if outside else layers[::-1]))
    buffer.extend(range(len(ENVS)), meta={"env": ENVS, "priority": PRIORITIES})

    for group in buffer.sample(50, groupby="env"):
        members = [number for number, env in enumerate(ENVS) if env == group[0].meta["env"]]
        start = members.index(group[0].data)
        assert members[start : start + 2] == [item.data for item in group]
        assert 1 == len({item.meta["priority_IS"] for item in group})


def test_a_layer_inside_that_drops_a_group_is_told():
    def drop_one(action, chain, *args, **kwargs):
        batch = chain(*args, **kwargs)
        return batch[1:] if action == "sample" else batch

    buffer = filled(PriorityExperienceReplay()).use(drop_one)

    with pytest.raises(ChainError, match="number of groups"):
        buffer.sample(3, groupby="env")


@MASSES
def test_after_a_load_the_loaded_groups_are_drawn(group_mass, of):
    saved = DequeBuffer(4, seed=0)
    saved.extend("abcd", meta={"env": [7, 7, 8, 8], "priority": [3.0, 1.0, 0.0, 2.0]})
    buffer = filled(PriorityExperienceReplay(group_mass=group_mass))
    buffer.sample(4, groupby="env")

    buffer.load_state_dict(saved.state_dict())

    found = {tuple(item.data for item in group) for group in buffer.sample(60, groupby="env")}
    assert {("a", "b"), ("c", "d")} == found
    buffer.clear()
    buffer.push("e", {"env": 1})
    assert [["e"]] == [[item.data for item in group] for group in buffer.sample(1, groupby="env")]

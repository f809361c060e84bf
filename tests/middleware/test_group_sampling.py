from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, BadQuery, NotEnoughItems
from ding_buffer.middleware.group_sampling import group_sample
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.testing.distribution import surprise
from ding_buffer.testing.middleware_suite import MiddlewareSuite

LIMIT = 3.72  # a standard normal deviate lies above it with a probability of 1e-4
LENGTHS = {0: 7, 1: 3, 2: 1}


class TestGroupSampleInOrder(MiddlewareSuite):
    kinds = ("groups", "windows")

    def make_layer(self):
        return group_sample(3)


class TestGroupSampleInAnyOrder(MiddlewareSuite):
    kinds = ("groups", "windows")

    def make_layer(self):
        return group_sample(2, ordered_in_group=False)


def filled(*layers) -> DequeBuffer:
    buffer = DequeBuffer(20, seed=0).use(*layers)
    envs = [0, 1, 0, 0, 2, 1, 0, 0, 1, 0, 0]
    seen: Counter[int] = Counter()
    for env in envs:
        buffer.push((env, seen[env]), {"env": env})
        seen[env] += 1
    return buffer


def cuts(buffer: DequeBuffer, rounds: int) -> list[list[tuple[int, int]]]:
    return [[item.data for item in group] for _ in range(rounds) for group in buffer.sample(3, groupby="env")]


def counted(found, env: int, possible) -> np.ndarray:
    counts = Counter(tuple(step for _, step in group) for group in found if group[0][0] == env)
    assert set(counts) <= set(possible)
    return np.array([counts[cut] for cut in possible])


@pytest.mark.parametrize("length", [1, 3, 4])
@pytest.mark.parametrize("whole", [True, False])
def test_an_ordered_cut_begins_anywhere_alike(length, whole):
    found = cuts(filled(group_sample(length, max_use_in_group=whole)), 50_000 // 3 + 1)

    for env, held in LENGTHS.items():
        starts = range(max(1, held - length + 1)) if whole else range(held)
        possible = [tuple(range(start, min(start + length, held))) for start in starts]
        counts = counted(found, env, possible)
        if len(possible) > 1:
            assert LIMIT > surprise(counts, np.full(len(possible), counts.sum() / len(possible)))
            assert LIMIT < surprise(
                counts + np.linspace(-0.1, 0.1, len(counts)) * counts.mean(), counts * 0 + counts.mean()
            )


def test_an_unordered_cut_is_any_choice_in_any_order_alike():
    found = cuts(filled(group_sample(2, ordered_in_group=False)), 50_000 // 3 + 1)

    for env in (0, 1):
        held = LENGTHS[env]
        possible = [(a, b) for a in range(held) for b in range(held) if a != b]
        counts = counted(found, env, possible)
        assert math.perm(held, 2) == len(possible)
        assert LIMIT > surprise(counts, np.full(len(possible), counts.sum() / len(possible)))


@pytest.mark.parametrize("ordered", [True, False])
def test_a_group_shorter_than_the_cut_comes_whole(ordered):
    for group in cuts(filled(group_sample(50, ordered_in_group=ordered)), 5):
        env = group[0][0]
        assert [(env, step) for step in range(LENGTHS[env])] == sorted(group)
        assert not ordered or group == sorted(group)


def test_items_come_by_reference():
    buffer = filled(group_sample(2))
    stored = {id(item) for item in buffer}

    assert all(id(item) in stored for group in buffer.sample(3, groupby="env") for item in group)


def test_windows_are_cut_like_groups():
    buffer = filled(group_sample(2))

    for group in buffer.sample(20, groupby="env", unroll_len=3, replace=True):
        (env, first), (other, second) = (item.data for item in group)
        assert (env, first + 1) == (other, second)


def test_two_cuts_one_in_the_other_are_a_cut():
    buffer = filled(group_sample(2), group_sample(4))

    assert {2, 1} == {len(group) for group in cuts(buffer, 20)}


def test_a_query_without_groups_is_refused_with_what_is_missing():
    for query in ({"size": 2}, {"indices": [filled()[0].index]}):
        with pytest.raises(BadQuery, match="groupby"):
            filled(group_sample(2)).sample(**query)


def test_groups_of_indices_are_cut_too():
    buffer = filled(group_sample(2))
    indices = [item.index for item in buffer if item.data[0] == 0]

    (group,) = buffer.sample(indices=[indices])

    assert 2 == len(group)
    assert {item.index for item in group} <= set(indices)


def test_a_shortage_stays_one():
    buffer = filled(group_sample(2))

    with pytest.raises(NotEnoughItems):
        buffer.sample(4, groupby="env")
    assert [] == buffer.sample(4, groupby="env", ignore_insufficient=True)


@pytest.mark.parametrize("length", [0, -1, 1.5, True, "3", None])
def test_an_impossible_length_is_refused(length):
    with pytest.raises(BadArgument, match="size_in_group"):
        group_sample(length)


def test_cuts_are_drawn_with_the_generator_of_the_buffer():
    assert cuts(filled(group_sample(2)), 10) == cuts(filled(group_sample(2)), 10)


def on_columns(*layers) -> DequeBuffer:
    buffer = DequeBuffer(20, storage=ColumnStorage(), seed=0).use(*layers)
    for env, length in LENGTHS.items():
        buffer.extend({"env": np.full(length, env), "step": np.arange(length)}, meta={"env": env})
    return buffer


@pytest.mark.parametrize("ordered", [True, False])
def test_groups_in_columns_are_cut(ordered):
    for _ in range(20):
        batch = on_columns(group_sample(3, ordered_in_group=ordered)).sample(3, groupby="env")

        assert {0: 3, 1: 3, 2: 1} == {int(group.data["env"][0]): len(group) for group in batch}
        for group in batch:
            steps = group.data["step"].tolist()
            assert {group.data["env"][0]} == set(group.data["env"].tolist())
            assert len(steps) == len(set(steps))
            assert not ordered or list(range(steps[0], steps[0] + len(steps))) == steps


def test_cut_groups_of_one_length_in_columns_are_a_block():
    batch = on_columns(group_sample(1)).sample(3, groupby="env")

    assert (3, 1) == batch.slots.shape == batch.data["step"].shape

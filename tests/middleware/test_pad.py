from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, BadQuery
from ding_buffer.middleware.clone import clone_object
from ding_buffer.middleware.group_sampling import group_sample
from ding_buffer.middleware.pad import padding
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.testing.distribution import surprise
from ding_buffer.testing.middleware_suite import MiddlewareSuite

LIMIT = 3.72  # a standard normal deviate lies above it with a probability of 1e-4


class TestPaddingWithMembers(MiddlewareSuite):
    def make_layer(self):
        return padding()


class TestPaddingWithNothing(MiddlewareSuite):
    def make_layer(self):
        return padding("none")


def filled(*layers) -> DequeBuffer:
    buffer = DequeBuffer(20, seed=0).use(*layers)
    for env, length in ((0, 5), (1, 3), (2, 1)):
        buffer.extend([{"at": (env, step)} for step in range(length)], meta={"env": env})
    return buffer


def by_env(batch) -> dict[int, list]:
    return {group[0].meta["env"]: group for group in batch}


@pytest.mark.parametrize("policy", ["random", "none"])
def test_every_group_is_as_long_as_the_longest_and_begins_with_its_own(policy):
    groups = by_env(filled(padding(policy)).sample(3, groupby="env"))

    assert [5, 5, 5] == [len(group) for group in groups.values()]
    for env, length in ((0, 5), (1, 3), (2, 1)):
        assert [(env, step) for step in range(length)] == [item.data["at"] for item in groups[env][:length]]


def test_random_fillers_are_independent_copies_of_members_with_their_index_and_meta():
    buffer = filled(padding())
    group = by_env(buffer.sample(3, groupby="env"))[1]
    members = {item.index: item for item in group[:3]}

    for filler in group[3:]:
        member = members[filler.index]
        assert (member.data, member.meta) == (filler.data, filler.meta)
        assert filler is not member
        assert filler.data is not member.data
        assert filler.meta is not member.meta
    group[4].data["at"] = "changed"
    assert [(1, 0), (1, 1), (1, 2)] == [item.data["at"] for item in members.values()]


def test_fillers_of_nothing_have_none_in_every_field():
    group = by_env(filled(padding("none")).sample(3, groupby="env"))[2]

    assert [(None, None, None)] * 4 == [(item.data, item.index, item.meta) for item in group[1:]]


def test_random_fillers_are_any_member_alike():
    layer = padding()
    buffer = filled(layer)
    counts = np.zeros(3)
    for _ in range(9000):
        for item in by_env(buffer.sample(3, groupby="env"))[1][3:]:
            counts[item.data["at"][1]] += 1
    for _ in range(16_000):  # as many again without the copies of a whole batch
        for item in layer._fill(buffer[5:8], 2):
            counts[item.data["at"][1]] += 1

    assert 50_000 == counts.sum()
    assert LIMIT > surprise(counts, np.full(3, counts.sum() / 3))
    assert LIMIT < surprise(counts * [1.03, 0.97, 1.0], np.full(3, (counts * [1.03, 0.97, 1.0]).sum() / 3))


def test_flat_and_empty_batches_pass():
    buffer = filled(padding())

    assert [type(item).__name__ for item in buffer.sample(4)] == ["BufferedData"] * 4
    assert [] == buffer.sample(9, groupby="env", ignore_insufficient=True)


def test_groups_of_equal_length_stay_as_they_are():
    batch = filled(padding()).sample(2, groupby="env", unroll_len=3)

    assert [3, 3] == [len(group) for group in batch]
    assert [3, 3] == [len({item.index for item in group}) for group in batch]


def test_cut_groups_are_padded():
    batch = filled(padding("none"), group_sample(4)).sample(3, groupby="env")

    assert [4, 4, 4] == [len(group) for group in batch]
    assert 4 + 3 + 1 == sum(item.index is not None for group in batch for item in group)


def test_fillers_are_no_uses():
    buffer = filled(padding(), use_time_check(max_use=2))
    buffer.sample(3, groupby="env")

    assert [1] * 9 == [item.meta["use_count"] for item in buffer]
    assert 9 == len(buffer)


@pytest.mark.parametrize("outside", [True, False])
def test_fillers_can_be_cloned(outside):
    layers = [clone_object(), padding("none")]
    batch = filled(*(layers if outside else layers[::-1])).sample(3, groupby="env")

    assert [5, 5, 5] == [len(group) for group in batch]


def test_an_empty_group_cannot_be_padded_with_its_members():
    def lose(action, chain, *args, **kwargs):
        batch = chain(*args, **kwargs)
        return [[], *batch[1:]] if action == "sample" else batch

    with pytest.raises(BadQuery, match="none"):
        filled(padding(), lose).sample(3, groupby="env")
    assert 3 == len(filled(padding("none"), lose).sample(3, groupby="env"))


@pytest.mark.parametrize("policy", ["zeros", None, 1])
def test_an_unknown_policy_is_refused(policy):
    with pytest.raises(BadArgument, match="policy"):
        padding(policy)


def on_columns(*layers) -> DequeBuffer:
    buffer = DequeBuffer(20, storage=ColumnStorage(), seed=0).use(*layers)
    for env, length in ((0, 5), (1, 3), (2, 1)):
        steps = np.arange(length)
        buffer.extend({"env": np.full(length, env), "step": steps}, meta={"env": env, "step": steps})
    return buffer


@pytest.mark.parametrize("policy", ["random", "none"])
def test_groups_in_columns_become_one_block(policy):
    batch = on_columns(padding(policy)).sample(3, groupby="env")
    lengths = {0: 5, 1: 3, 2: 1}

    assert (3, 5) == batch.slots.shape == batch.data["step"].shape == batch.meta["step"].shape
    assert [5, 5, 5] == batch.lengths.tolist()
    for group in batch:
        env = int(group.data["env"][0])
        own = group[: lengths[env]]
        assert list(range(lengths[env])) == own.data["step"].tolist() == own.meta["step"].tolist()
        assert {env} == set(own.data["env"].tolist())


def test_fillers_of_nothing_are_masked():
    batch = on_columns(padding("none")).sample(3, groupby="env")
    there = np.arange(5) < np.array([{0: 5, 1: 3, 2: 1}[env] for env in batch.data["env"][:, 0]])[:, None]

    assert there.tolist() == batch.mask.tolist()
    assert (there == (batch.slots >= 0)).all()
    assert not batch.data["step"][~there].any()
    assert there.reshape(-1).tolist() == [index is not None for index in batch.index]
    assert [(None, None, None)] * 6 == [
        (item.data, item.index, item.meta) for item in batch.opened() if item.index is None
    ]


def test_random_fillers_in_columns_are_members_with_their_index_and_meta():
    batch = on_columns(padding()).sample(3, groupby="env")

    assert batch.mask is None
    for group in batch:
        members = {
            item.index: (item.data, item.meta) for item in group[: {0: 5, 1: 3, 2: 1}[group[0].data["env"]]]
        }
        assert all((item.data, item.meta) == members[item.index] for item in group)


def test_groups_of_one_length_and_flat_batches_in_columns_stay_as_they_are():
    buffer = on_columns(padding("none"))

    assert buffer.sample(2, groupby="env", unroll_len=3).mask is None
    assert (4,) == buffer.sample(4).slots.shape


def test_cut_groups_in_columns_are_padded():
    batch = on_columns(padding("none"), group_sample(4)).sample(3, groupby="env")

    assert (3, 4) == batch.slots.shape
    assert 4 + 3 + 1 == batch.mask.sum()
    for group in batch:
        steps = group.without_fillers().data["step"]
        assert list(range(steps[0], steps[0] + len(steps))) == steps.tolist()


def test_an_empty_group_in_columns_cannot_be_padded_with_its_members():
    def lose(action, chain, *args, **kwargs):
        batch = chain(*args, **kwargs)
        if action != "sample":
            return batch
        flat = batch.opened()
        return flat.pick(np.arange(2), [0, 2])

    with pytest.raises(BadQuery, match="none"):
        on_columns(padding(), lose).sample(2, groupby="env")
    batch = on_columns(padding("none"), lose).sample(2, groupby="env")
    assert [[False, False], [True, True]] == batch.mask.tolist()

"""Groups and windows: who is in them, and that they are never ghosts."""

from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, NotEnoughItems


def filled(envs, size=50, **options):
    buffer = DequeBuffer(size, seed=0, **options)
    for number, env in enumerate(envs):
        buffer.push(number, {} if env is None else {"env": env})
    return buffer


def groups_of(buffer, key="env", **query):
    """All groups, by value."""
    count = len(buffer.store.grouped(key))
    return {
        group[0].meta[key]: [item.data for item in group]
        for group in buffer.sample(count, groupby=key, **query)
    }


def windows(buffer, size=200, **query):
    batch = buffer.sample(size, groupby="env", replace=True, **query)
    return {tuple(item.data for item in window) for window in batch}


def test_a_group_comes_whole_in_storage_order():
    batch = filled("abacab").sample(3, groupby="env")

    assert isinstance(batch, list)
    assert all(isinstance(group, list) for group in batch)
    assert {"a": [0, 2, 4], "b": [1, 5], "c": [3]} == groups_of(filled("abacab"))


def test_groups_hold_the_stored_items_and_repeats_are_copies():
    buffer = filled("ab")
    batch = buffer.sample(2, groupby="env")
    assert all(item is buffer.get_by_index(item.index) for group in batch for item in group)
    batch = buffer.sample(20, groupby="env", replace=True)
    assert 20 == len({id(item) for group in batch for item in group})


def test_items_without_the_key_belong_to_no_group():
    assert {"a": [0, 3]} == groups_of(filled(["a", None, None, "a"]))
    buffer = filled([None, None])
    with pytest.raises(NotEnoughItems, match="0 groups by 'env', 2 records"):
        buffer.sample(1, groupby="env", replace=True)
    buffer.push(2, {"env": None})
    with pytest.raises(NotEnoughItems):
        buffer.sample(1, groupby="env")


def test_several_keys_are_grouped_side_by_side():
    buffer = DequeBuffer(10, seed=0)
    for number in range(6):
        buffer.push(number, {"env": number % 2, "episode": number // 3})
    assert {0: [0, 2, 4], 1: [1, 3, 5]} == groups_of(buffer)
    assert {0: [0, 1, 2], 1: [3, 4, 5]} == groups_of(buffer, "episode")
    buffer.update(buffer[0].index, meta={"env": 1, "episode": 1})
    assert {0: [2, 4], 1: [0, 1, 3, 5]} == groups_of(buffer)
    assert {0: [1, 2], 1: [0, 3, 4, 5]} == groups_of(buffer, "episode")


@pytest.mark.parametrize("unroll_len", [None, 0])
def test_no_window_length_means_whole_groups(unroll_len):
    assert {3} == {len(group) for group in filled("aaabbb").sample(2, groupby="env", unroll_len=unroll_len)}


def test_w2_deleted_evicted_cleared_and_moved_items_leave_no_ghost_groups():
    buffer = filled("aabbcc", size=6)
    buffer.sample(1, groupby="env")
    buffer.delete([buffer[0].index, buffer[1].index])
    assert {"b": [2, 3], "c": [4, 5]} == groups_of(buffer)
    for number in (6, 7, 8, 9):
        buffer.push(number, {"env": "d"})
    assert {"c": [4, 5], "d": [6, 7, 8, 9]} == groups_of(buffer)
    buffer.update([buffer[0].index, buffer[1].index], meta={"env": "d"})
    assert {"d": [4, 5, 6, 7, 8, 9]} == groups_of(buffer)
    buffer.update(buffer[0].index, meta={})
    assert {"d": [5, 6, 7, 8, 9]} == groups_of(buffer)
    buffer.clear()
    with pytest.raises(NotEnoughItems, match="0 groups"):
        buffer.sample(1, groupby="env")
    buffer.store.check()


def test_w3_views_never_drift_apart():
    buffer = filled("aabb", size=4, sliced=True)
    view = buffer.view()
    assert view.sliced
    buffer.sample(1, groupby="env")
    view.delete(view[0].index)
    assert {"a": [1], "b": [2, 3]} == groups_of(buffer) == groups_of(view)
    view.clear()
    buffer.push(9, {"env": "z"})
    assert {"z": [9]} == groups_of(buffer) == groups_of(view)
    assert 1 == len(view) == len(buffer) == len(view.indices)


def test_the_groups_of_a_range_are_those_of_its_items():
    buffer = filled("abacabba")

    assert {"a": [4, 7], "b": [5, 6]} == groups_of_range(buffer, slice(-4, None))
    assert {"a": [2], "c": [3]} == groups_of_range(buffer, slice(2, 4))
    assert {"a": [0, 2, 4], "b": [6]} == groups_of_range(buffer, slice(None, None, 2))
    assert {"a": [7], "c": [3], "b": [1, 5]} == groups_of_range(buffer, slice(None, None, -2))
    assert {"b": [5]} == groups_of_range(buffer, (slice(1, None, 2), slice(2, 3)))


def groups_of_range(buffer, sample_range):
    batch = buffer.sample(30, groupby="env", replace=True, sample_range=sample_range)
    return {group[0].meta["env"]: [item.data for item in group] for group in batch}


def test_w5_the_last_window_of_an_episode_is_reached():
    assert {(start, start + 1, start + 2, start + 3) for start in range(7)} == windows(
        filled("a" * 10), unroll_len=4
    )


def test_windows_lie_within_the_range():
    buffer = filled("a" * 10)

    assert {(6, 7, 8), (7, 8, 9)} == windows(buffer, unroll_len=3, sample_range=slice(6, None))
    assert {(0, 2, 4), (2, 4, 6), (4, 6, 8)} == windows(
        buffer, unroll_len=3, sample_range=slice(None, None, 2)
    )
    with pytest.raises(NotEnoughItems, match="groups of 3 items or more"):
        buffer.sample(1, groupby="env", unroll_len=3, sample_range=slice(-2, None))


def test_groups_that_are_shorter_than_a_window_do_not_take_part():
    buffer = filled("abbcccdddd")

    assert {(3, 4, 5), (6, 7, 8), (7, 8, 9)} == windows(buffer, unroll_len=3)
    assert 2 == len(buffer.sample(2, groupby="env", unroll_len=3))
    with pytest.raises(NotEnoughItems, match="less than 3 groups of 3 items"):
        buffer.sample(3, groupby="env", unroll_len=3)


def test_windows_of_one_are_single_items_the_last_included():
    assert {(0,), (1,), (2,), (3,)} == windows(filled("aabb"), unroll_len=1)


def test_sliced_windows_begin_at_multiples_and_the_last_is_the_trailing_one():
    assert {(0, 1, 2, 3), (4, 5, 6, 7), (6, 7, 8, 9)} == windows(filled("a" * 10, sliced=True), unroll_len=4)
    assert {(0, 1), (2, 3)} == windows(filled("a" * 4, sliced=True), unroll_len=2)


def test_windows_skip_what_was_deleted():
    buffer = filled("a" * 6)
    buffer.delete(buffer[2].index)

    assert {(0, 1, 3), (1, 3, 4), (3, 4, 5)} == windows(buffer, unroll_len=3)


@pytest.mark.parametrize("wrong", [[1], {"a": 1}, np.zeros(2)])
def test_a_value_that_cannot_name_a_group_is_refused_with_nothing_changed(wrong):
    buffer = filled("ab")
    buffer.sample(1, groupby="env")
    for act in (
        lambda: buffer.push(9, {"env": wrong}),
        lambda: buffer.update(buffer[0].index, meta={"env": wrong}),
        lambda: buffer.update([buffer[0].index], meta={"env": [wrong]}),
    ):
        with pytest.raises(BadArgument, match=r"meta\['env'\] is a .* which cannot name a group"):
            act()
    assert {"a": [0], "b": [1]} == groups_of(buffer)
    late = DequeBuffer(5)
    late.push(1, {"env": wrong})
    with pytest.raises(BadArgument, match="cannot name a group"):
        late.sample(1, groupby="env")


def test_the_order_of_groups_does_not_depend_on_hashing():
    one, other = filled(["x", "y", "z", "w"] * 3), filled(["x", "y", "z", "w"] * 3)

    assert [[item.data for item in group] for group in one.sample(3, groupby="env")] == [
        [item.data for item in group] for group in other.sample(3, groupby="env")
    ]

from __future__ import annotations

import math

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument, CorruptSnapshot
from ding_buffer.replay.naive_buffer import NaiveReplayBuffer
from ding_buffer.testing.distribution import surprise


def filled(count: int, capacity: int = 10, **cfg) -> NaiveReplayBuffer:
    made = NaiveReplayBuffer({"replay_buffer_size": capacity, "seed": 0, **cfg})
    made.push(list(range(count)), 0)
    return made


def test_anything_can_be_an_item_and_comes_back_by_reference() -> None:
    made = NaiveReplayBuffer()
    thing = object()
    made.push(thing, 0)

    assert made.sample(1, 0) == [thing]


def test_a_list_is_many_items_and_an_item_that_is_a_list_stands_in_another() -> None:
    made = NaiveReplayBuffer()
    made.push([[1, 2, 3]], 0)

    assert [[1, 2, 3]] == made.sample(1, 0)


def test_without_replacement_no_item_comes_twice() -> None:
    made = filled(10)

    assert list(range(10)) == sorted(made.sample(10, 0) or [])
    assert made.sample(11, 0) is None


def test_with_replacement_a_batch_may_be_larger_than_the_buffer() -> None:
    made = filled(3)

    assert {0, 1, 2} == set(made.sample(64, 0, replace=True) or [])


def test_an_item_drawn_again_is_an_independent_copy() -> None:
    made = NaiveReplayBuffer({"seed": 0})
    made.push([{"obs": np.zeros(2)}], 0)
    first, second = made.sample(2, 0, replace=True) or []
    first["obs"][:] = 1

    assert [0.0, 0.0] == second["obs"].tolist()


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize(
    ("part", "items"),
    [
        (slice(-3, None), {10, 11, 12}),
        (slice(None, 3), {3, 4, 5}),
        (slice(2, 5), {5, 6, 7}),
        (slice(None, None, 3), {3, 6, 9, 12}),
        (slice(-4, -1), {9, 10, 11}),
        (slice(0, 100), set(range(3, 13))),
    ],
)
def test_a_range_counts_from_the_oldest_or_back_from_the_newest_wherever_they_lie(
    part, items, replace
) -> None:
    made = filled(13)
    drawn = {number for _ in range(60) for number in made.sample(len(items), 0, part, replace) or ()}

    assert items == drawn


def test_a_range_that_is_too_small_is_a_shortage() -> None:
    made = filled(13)

    assert made.sample(4, 0, slice(-3, None)) is None
    assert made.sample(1, 0, slice(5, 5), replace=True) is None


@pytest.mark.parametrize("size", [-1, 1.5, "2"])
def test_a_size_that_is_none_is_told(size) -> None:
    with pytest.raises(BadArgument):
        filled(3).sample(size, 0)


def test_a_range_that_is_none_is_told() -> None:
    with pytest.raises(BadArgument, match="sample_range must be a slice"):
        filled(3).sample(1, 0, 3)  # type: ignore[arg-type]


def test_clear_counts_pushes_from_zero_and_a_state_keeps_the_count() -> None:
    made = filled(13)
    assert 13 == made.push_count
    made.clear()
    assert 0 == made.push_count
    made.push([1, 2], 0)
    copy = NaiveReplayBuffer()
    copy.load_state_dict(made.state_dict())
    copy.push(3, 0)

    assert (2, 3) == (made.push_count, copy.push_count)


@pytest.mark.parametrize("count", [2, 4, 14, 2**80, -1, math.nan, "13", None])
def test_a_count_of_pushes_that_cannot_be_is_told_and_changes_nothing(count) -> None:
    """Of 13 pushes 5 are held: since the last ``clear`` it was 5 of them at least, and 13 at most."""
    state, made = filled(13, 5).state_dict(), filled(1)
    expected = "5 items, of 13 ever pushed, is from 5 to 13" if count in (2, 4, 14, 2**80) else "at least 0"
    with pytest.raises(CorruptSnapshot, match=f"push_count of a state .*{expected}, got"):
        made.load_state_dict({**state, "push_count": count})

    assert (1, 1, [0]) == (made.push_count, made.count(), made.sample(1, 0))


@pytest.mark.parametrize("count", [5, 9, 13, np.int64(7)])
def test_a_count_of_pushes_that_can_be_is_taken(count) -> None:
    made = filled(1)
    made.load_state_dict({**filled(13, 5).state_dict(), "push_count": count})
    made.push(0, 0)

    assert count + 1 == made.push_count


def test_of_a_state_that_is_damaged_further_in_the_buffer_beneath_tells() -> None:
    state, made = filled(3).state_dict(), filled(1)
    for store in ({}, {**state["buffer"]["store"], "order": {"next": 3}}, None):
        with pytest.raises(CorruptSnapshot, match=r"does not fit together|is missing"):
            made.load_state_dict({**state, "buffer": {**state["buffer"], "store": store}})

    assert 1 == made.push_count


def test_there_is_nothing_to_update_which_is_said_once(caplog) -> None:
    made = filled(3)
    made.update({"priority": [1.0]})
    made.update(None)

    assert 1 == caplog.text.count("has nothing to update")
    assert 2 == made.stats()["ignored_updates"]


def test_every_item_is_as_likely() -> None:
    made = filled(33, 20)
    counts = np.zeros(20)
    for _ in range(12_500):
        for number in made.sample(4, 0) or ():
            counts[number - 13] += 1

    assert surprise(counts, np.full(20, 2500.0)) < 4

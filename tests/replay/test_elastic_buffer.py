from __future__ import annotations

import math

import pytest

from ding_buffer.core.errors import BadArgument, ConfigError
from ding_buffer.replay.elastic_buffer import ElasticReplayBuffer


def filled(choose, count: int = 15, capacity: int = 10) -> ElasticReplayBuffer:
    made = ElasticReplayBuffer({"replay_buffer_size": capacity, "seed": 0, "set_buffer_size": choose})
    made.push(list(range(count)), 0)
    return made


def drawn(made: ElasticReplayBuffer, *query) -> set[int]:
    return {number for _ in range(80) for number in made.sample(1, 0, *query) or ()}


def test_only_the_newest_take_part_as_many_as_the_env_step_says() -> None:
    made = filled(lambda envstep: 2 + envstep // 100)

    assert {13, 14} == drawn(made)
    made.update(199)
    assert {12, 13, 14} == drawn(made)
    assert made.sample(4, 0) is None
    made.update(10_000)
    assert set(range(5, 15)) == drawn(made)
    assert 10 == made.current_buffer_size


def test_without_a_function_all_items_take_part() -> None:
    made = ElasticReplayBuffer({"replay_buffer_size": 4, "seed": 0})
    made.push([1, 2, 3], 0)
    made.update(100)

    assert {1, 2, 3} == drawn(made)
    assert 4 == made.current_buffer_size


def test_a_range_is_a_part_of_the_newest() -> None:
    made = filled(lambda envstep: 4)

    assert {11, 12} == drawn(made, slice(None, 2))
    assert {14} == drawn(made, slice(-1, None))


@pytest.mark.parametrize(("size", "current"), [(0, 0), (2.7, 2), (math.inf, 10)])
def test_a_size_may_be_any_number_from_zero_up(size, current: int) -> None:
    made = filled(lambda envstep: size)

    assert current == made.current_buffer_size
    assert (made.sample(1, 0) is None) == (current == 0)


@pytest.mark.parametrize("size", [-1, math.nan, None, True, "4"])
def test_a_size_that_is_none_is_told_and_changes_nothing(size) -> None:
    made = filled(lambda envstep: 4 if envstep == 0 else size)
    with pytest.raises(BadArgument, match=r"set_buffer_size\(7\) must be a number"):
        made.update(7)

    assert 4 == made.current_buffer_size


def test_what_is_no_function_is_told() -> None:
    with pytest.raises(
        ConfigError, match="set_buffer_size: expected a function of the env step, or None, got 3"
    ):
        ElasticReplayBuffer({"set_buffer_size": 3})


def test_a_state_brings_the_size_back() -> None:
    made = filled(lambda envstep: 2 + envstep)
    made.update(3)
    copy = filled(lambda envstep: 2 + envstep)
    copy.load_state_dict(made.state_dict())

    assert 5 == copy.current_buffer_size


def test_a_state_of_a_larger_buffer_does_not_narrow_one_that_takes_all() -> None:
    made, copy = filled(None, 15, 3), filled(None, 0, 10)
    copy.load_state_dict(made.state_dict())

    assert 10 == copy.current_buffer_size

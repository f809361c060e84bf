"""What one or several envs showed at one moment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ding_buffer.trajectories.timestep import Timestep, split_batched_timestep
from ding_buffer.trajectories.trajectory_errors import BadTrajectory
from tests.trajectories.made import timestep


def batched() -> Timestep:
    return Timestep(
        obs={"x": np.arange(6).reshape(3, 2), "image": np.zeros((3, 4, 4), np.uint8)},
        prev_action=np.ones((3, 2)),
        reward=np.array([1.0, 2.0, 3.0]),
        time_idx=np.array([7, 8, 9]),
        terminal=np.array([False, True, False]),
    )


def test_it_counts_its_envs() -> None:
    assert (3, 1) == (batched().batched_envs, timestep(0).batched_envs)


def test_the_reward_comes_first_in_what_a_policy_sees() -> None:
    obs, rl2s, time = batched().as_input()

    assert {"x", "image"} == obs.keys()
    assert [[1, 1, 1], [2, 1, 1], [3, 1, 1]] == rl2s.tolist()
    assert np.float32 == rl2s.dtype
    assert [[7], [8], [9]] == time.tolist()


def test_a_reset_version_is_a_copy_with_zeros_where_an_env_was_reset() -> None:
    given = batched()
    made = given.create_reset_version(np.array([False, True, False]))

    assert [[1, 1], [0, 0], [1, 1]] == made.prev_action.tolist()
    assert [1, 0, 3] == made.reward.tolist()
    assert [7, 0, 9] == made.time_idx.tolist()
    assert [False, False, False] == made.terminal.tolist()
    assert [1, 2, 3] == given.reward.tolist()
    assert not np.shares_memory(given.obs["x"], made.obs["x"])


def test_each_env_gets_a_timestep_of_its_own() -> None:
    parts = split_batched_timestep(batched())

    assert [1, 1, 1] == [part.batched_envs for part in parts]
    assert [[1.0], [2.0], [3.0]] == [part.reward.tolist() for part in parts]
    assert [[[0, 1]], [[2, 3]], [[4, 5]]] == [part.obs["x"].tolist() for part in parts]
    assert (1, 4, 4) == parts[2].obs["image"].shape


def test_a_single_env_is_its_own_split() -> None:
    single = timestep(3)

    assert [single] == split_batched_timestep(single)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"reward": np.zeros((1, 1))}, "reward of a Timestep has 1 dim"),
        ({"prev_action": np.zeros(2)}, "prev_action of a Timestep has 2 dim"),
        ({"time_idx": np.zeros(2)}, "time_idx of a Timestep of 1 envs"),
        ({"obs": {"x": np.zeros((2, 1))}}, "x of a Timestep of 1 envs"),
        ({"obs": np.zeros((1, 1))}, "obs must be a dict"),
        ({"batched_envs": 2}, "of 2 envs has one row"),
    ],
)
def test_shapes_that_do_not_fit_are_told(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(BadTrajectory, match=message):
        timestep(0, **wrong)
    with pytest.raises(AssertionError):
        timestep(0, **wrong)

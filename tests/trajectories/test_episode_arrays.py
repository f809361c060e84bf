"""An episode as others record it, as a trajectory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ding_buffer.trajectories.episode_arrays import action_rows, actions_in, flat_observations, frozen_episode
from ding_buffer.trajectories.trajectory_errors import BadTrajectory


def test_an_episode_becomes_a_trajectory() -> None:
    made = frozen_episode(np.arange(8).reshape(4, 2), [[1], [2], [3]], [5, 6, 7], [False, False, True])

    assert {"observation": (4, 2)} == {key: value.shape for key, value in made.obs.items()}
    assert [[0, 0], [5, 1], [6, 2], [7, 3]] == made.rl2s.tolist()
    assert [[0], [1], [2], [3]] == made.time_idxs.tolist()
    assert [[False], [False], [True]] == made.dones.tolist()
    assert {np.float32} == {part.dtype.type for part in (made.rl2s, made.rews, made.actions)}


def test_nested_observations_get_names_with_slashes() -> None:
    given = {"a": {"b": np.zeros(2), "c": (np.ones(2), np.zeros(2))}, 5: np.zeros(2)}

    assert ["a/b", "a/c/0", "a/c/1", "5"] == list(flat_observations(given))
    assert ["0", "1"] == list(flat_observations((np.zeros(2), np.zeros(2))))


def test_actions_become_rows() -> None:
    assert [[1], [2]] == action_rows([1, 2]).tolist()
    assert (3, 4) == action_rows(np.zeros((3, 2, 2))).shape
    assert [[0, 1, 0], [0, 0, 1]] == action_rows([1, 2], 3).tolist()
    assert [[1, 0], [0, 1]] == action_rows(np.array([[0], [1]]), 2).tolist()


@pytest.mark.parametrize("actions", [[3], [-1], [0.5], [[0, 1]]])
def test_discrete_actions_outside_of_their_space_are_told(actions: Any) -> None:
    with pytest.raises(BadTrajectory, match="single ints from 0 to 2"):
        action_rows(actions, 3)


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(BadTrajectory, match="3 actions, 2 rewards and 3 flags"):
        frozen_episode(np.zeros(4), [1, 2, 3], [1, 2], [0, 0, 1])
    with pytest.raises(BadTrajectory, match="has 4 rows"):
        frozen_episode(np.zeros((3, 1)), [1, 2, 3], [1, 2, 3], [0, 0, 1])
    with pytest.raises(BadTrajectory, match="one array"):
        action_rows({"a": [1]})


def test_actions_of_a_discrete_space_are_counted_from_zero_and_others_stay() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    actions, count = actions_in(gymnasium.spaces.Discrete(4, start=2), [2, 5])

    assert ([0, 3], 4) == (actions.tolist(), count)
    for space in (
        gymnasium.spaces.Box(-1, 1, (2,)),
        gymnasium.spaces.MultiBinary(3),
        SimpleNamespace(n=3),
        None,
    ):
        assert ([1, 0], None) == actions_in(space, [1, 0])

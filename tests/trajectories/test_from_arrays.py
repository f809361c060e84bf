"""Flat arrays of transitions, as trajectory files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ding_buffer.trajectories.from_arrays import save_arrays
from ding_buffer.trajectories.frozen_traj import FrozenTraj
from ding_buffer.trajectories.traj_file import get_path_to_trajs, load_traj_from_disk
from ding_buffer.trajectories.trajectory_errors import BadTrajectory

COUNT = 7


def flat(**changes: Any) -> dict[str, Any]:
    """Two episodes of 3, one that terminated and one that was cut off, and one step of a third."""
    return {
        "observations": np.arange(COUNT, dtype=np.float32)[:, None],
        "next_observations": np.arange(COUNT, dtype=np.float32)[:, None] + 0.5,
        "actions": np.arange(COUNT)[:, None] % 2,
        "rewards": np.arange(COUNT) * 10.0,
        "terminals": np.arange(COUNT) == 2,
        "timeouts": np.arange(COUNT) == 5,
        **changes,
    }


def saved(data: Any, folder: Path, **more: Any) -> list[FrozenTraj]:
    loaded = [load_traj_from_disk(name) for name in save_arrays(data, folder, **more)]
    assert len(loaded) == len(list(folder.iterdir()))
    assert all(isinstance(traj, FrozenTraj) for traj in loaded)
    return loaded  # type: ignore[return-value]


def test_episodes_end_where_a_flag_is_set_and_with_the_data(tmp_path: Path) -> None:
    made = saved(flat(), tmp_path)

    assert [3, 3, 1] == [len(traj) for traj in made]
    assert [[0, 1, 2, 2.5], [3, 4, 5, 5.5], [6, 6.5]] == [
        traj.obs["observation"][:, 0].tolist() for traj in made
    ]
    assert [[0, 10, 20], [30, 40, 50], [60]] == [traj.rews[:, 0].tolist() for traj in made]
    assert [[False, False, True], [False] * 3, [False]] == [traj.dones[:, 0].tolist() for traj in made]


def test_without_next_observations_only_what_is_known_is_stored(tmp_path: Path) -> None:
    data = flat()
    del data["next_observations"]
    made = saved(data, tmp_path)

    assert [[0, 1, 2, 2], [3, 4, 5]] == [traj.obs["observation"][:, 0].tolist() for traj in made]
    assert [[0, 10, 20], [30, 40]] == [traj.rews[:, 0].tolist() for traj in made]


def test_one_episode_with_its_last_observation(tmp_path: Path) -> None:
    data = {
        "obs": {"x": np.arange(4), "y": np.zeros((4, 2))},
        "action": [0, 2, 1],
        "reward": [1, 2, 3],
        "terminated": [0, 0, 1],
    }
    (made,) = saved(data, tmp_path, discrete_actions=3, env_name="my env", save_as="npz-compressed")

    assert [0, 1, 2, 3] == made.obs["x"].tolist()
    assert [[1, 0, 0], [0, 0, 1], [0, 1, 0]] == made.actions.tolist()
    assert "my env_" in next(tmp_path.iterdir()).name


def test_a_dataset_draws_what_was_converted(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from ding_buffer.trajectories.disk_dataset import DiskTrajDataset

    save_arrays(flat(), get_path_to_trajs(tmp_path, "demos", fifo=False))

    assert len(DiskTrajDataset(tmp_path, "demos", 0, seed=0).sample_random_trajectory()) in (1, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"actions": np.zeros(3)}, "7 rewards and 3 actions"),
        ({"timeouts": np.zeros(3)}, "7 rewards and 3 truncations"),
        ({"timeouts": np.zeros((7, 2))}, "7 rewards and 14 truncations"),
        ({"observations": np.array(["a"] * 7), "next_observations": np.array(["a"] * 7)}, "must be numbers"),
        ({"observations": np.zeros((5, 1))}, "next_observations must be as observations"),
        ({"observations": np.zeros((8, 1)), "next_observations": np.zeros((8, 1))}, "next_observations must"),
        ({"observations": {"x": np.zeros(7)}}, "next_observations must"),
    ],
)
def test_lengths_that_do_not_fit_are_told(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadTrajectory, match=message):
        save_arrays(flat(**changes), tmp_path)
    assert [] == list(tmp_path.iterdir())


def test_one_wrong_action_anywhere_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(BadTrajectory, match="Discrete actions must be single ints from 0 to 1"):
        save_arrays(flat(actions=[0, 1, 0, 1, 0, 1, 2]), tmp_path, discrete_actions=2)
    assert [] == list(tmp_path.iterdir())


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        BadTrajectory, match=r"lack rewards, terminated; known names: rewards or reward; term"
    ):
        save_arrays({"observations": [1], "actions": [1]}, tmp_path)
    data = flat()
    del data["next_observations"]
    with pytest.raises(BadTrajectory, match="those of one episode"):
        save_arrays({**data, "observations": np.zeros((8, 1))}, tmp_path)
    with pytest.raises(BadTrajectory, match=r"of the lengths \[5\]"):
        save_arrays({**data, "observations": np.zeros((5, 1))}, tmp_path)

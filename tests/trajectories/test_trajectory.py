"""A trajectory while it is being recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ding_buffer.trajectories.traj_file import load_traj_from_disk
from ding_buffer.trajectories.trajectory import Trajectory
from ding_buffer.trajectories.trajectory_errors import BadTrajectory
from tests.trajectories.made import opened_in, same, timestep, trajectory


def test_it_holds_one_moment_more_than_transitions() -> None:
    traj = trajectory(4)

    assert (5, 4) == (len(traj), len(traj.freeze()))
    assert traj.timesteps[2] is traj[2]
    assert traj.timesteps == list(traj)


def test_the_return_is_the_sum_of_all_rewards() -> None:
    assert [10.0] == trajectory(4).total_return.tolist()
    assert [0.0] == Trajectory().total_return.tolist()


def test_freezing_gives_the_documented_shapes_and_dtypes() -> None:
    traj = trajectory(4)
    traj.timesteps[4].terminal[:] = True
    made = traj.freeze()

    assert {"x": (5, 1)} == {key: value.shape for key, value in made.obs.items()}
    assert [(5, 3), (5, 1), (4, 1), (4, 1), (4, 2)] == [
        part.shape for part in (made.rl2s, made.time_idxs, made.rews, made.dones, made.actions)
    ]
    assert [np.float32, np.int64, np.float32, np.bool_, np.float32] == [
        part.dtype for part in (made.rl2s, made.time_idxs, made.rews, made.dones, made.actions)
    ]
    assert [1, 2, 3, 4] == made.rews[:, 0].tolist()
    assert [[1, -1], [2, -2], [3, -3], [4, -4]] == made.actions.tolist()
    assert [[0, 0, 0], [1, 1, -1]] == made.rl2s[:2].tolist()
    assert [False, False, False, True] == made.dones[:, 0].tolist()


def test_a_piece_of_a_long_rollout_keeps_what_came_before_it() -> None:
    made = Trajectory([timestep(time) for time in range(7, 10)]).freeze()

    assert [7, 7, -7] == made.rl2s[0].tolist()
    assert [7, 8, 9] == made.time_idxs[:, 0].tolist()


def test_too_few_moments_cannot_be_frozen() -> None:
    with pytest.raises(ValueError, match="1 timesteps has no transition"):
        trajectory(0).freeze()
    with pytest.raises(BadTrajectory, match="has no timestep"):
        Trajectory().as_input_sequence()


def test_timesteps_that_differ_are_not_taken() -> None:
    traj = trajectory(1)
    changes: list[dict[str, Any]] = [
        {"obs": {"y": np.zeros((1, 1))}},
        {"obs": {"x": np.zeros((1, 2))}},
        {"prev_action": np.zeros((1, 3))},
    ]
    for wrong in changes:
        with pytest.raises(BadTrajectory, match=r"timesteps of a trajectory differ: .* in number 2"):
            traj.add_timestep(timestep(2, **wrong))
    assert 2 == len(traj)


def test_only_timesteps_of_one_env_are_taken() -> None:
    traj = Trajectory()
    both = timestep(
        0,
        obs={},
        prev_action=np.zeros((2, 1)),
        reward=np.zeros(2),
        time_idx=np.zeros(2),
        terminal=np.zeros(2),
    )

    refused: list[Any] = [both, None, "step"]
    for wrong in refused:
        with pytest.raises(BadTrajectory, match="takes a Timestep of a single env"):
            traj.add_timestep(wrong)
    assert 0 == len(traj)


@pytest.mark.parametrize(
    ("save_as", "ending"), [("trajectory", ".traj"), ("npz", ".npz"), ("npz-compressed", ".npz")]
)
def test_what_was_saved_is_read_back(tmp_path: Path, save_as: str, ending: str) -> None:
    traj = trajectory(3)
    name = traj.save_to_disk(tmp_path / "env_0_1.5", save_as)
    loaded = load_traj_from_disk(name)

    assert str(tmp_path / f"env_0_1.5{ending}") == name
    assert isinstance(loaded, Trajectory) == (save_as == "trajectory")
    assert same(traj.freeze(), loaded.freeze() if isinstance(loaded, Trajectory) else loaded)


def test_npz_is_the_default_and_another_form_is_refused(tmp_path: Path) -> None:
    assert trajectory().save_to_disk(tmp_path / "a").endswith("a.npz")
    with pytest.raises(ValueError, match="save_as must be one of trajectory, npz, npz-compressed"):
        trajectory().save_to_disk(tmp_path / "a", "pickle")


@pytest.mark.parametrize("save_as", ["trajectory", "npz", "npz-compressed"])
def test_what_nobody_could_draw_from_is_not_written(tmp_path: Path, save_as: str) -> None:
    words = Trajectory([timestep(time, obs={"x": np.array(["word"])}) for time in range(3)])

    for wrong, message in (
        (trajectory(0), "no transition"),
        (words, "_OBS_KEY_x of a trajectory must be num"),
    ):
        with pytest.raises(BadTrajectory, match=message):
            wrong.save_to_disk(tmp_path / "a", save_as)
    assert [] == list(tmp_path.iterdir())


# numpy 1.26 drops the archive that it could not write, and zipfile complains of that.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("save_as", ["trajectory", "npz", "npz-compressed"])
def test_a_full_disk_leaves_no_half_file_and_nothing_open(tmp_path: Path, save_as: str) -> None:
    resource = pytest.importorskip("resource")
    traj = trajectory(1000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            traj.save_to_disk(tmp_path / "env_0_1", save_as)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert [] == list(tmp_path.iterdir())
    assert [] == opened_in(tmp_path)


def test_it_knows_its_bytes() -> None:
    assert 4 * (4 + 8 + 8 + 8 + 1) == trajectory(3).nbytes

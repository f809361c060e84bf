"""A trajectory as arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ding_buffer.trajectories.frozen_traj import FrozenTraj
from ding_buffer.trajectories.traj_file import load_traj_from_disk
from ding_buffer.trajectories.trajectory_errors import BadTrajectory
from tests.trajectories.made import frozen_traj, same


def test_its_length_is_that_of_its_actions() -> None:
    assert 5 == len(frozen_traj(5))


def test_the_flat_form_has_prefixed_observations_and_shares_memory() -> None:
    traj = frozen_traj()
    flat = traj.to_dict()

    assert {
        "_OBS_KEY_x",
        "_OBS_KEY_pixels",
        "rl2s",
        "time_idxs",
        "rews",
        "dones",
        "actions",
    } == flat.keys()
    assert flat["rews"] is traj.rews
    assert same(traj, FrozenTraj.from_dict(flat))


def test_only_one_prefix_is_taken_off() -> None:
    traj = frozen_traj()
    traj.obs = {"_OBS_KEY_x": traj.obs["x"], "rews": traj.obs["x"], "file": traj.obs["x"]}

    assert {"_OBS_KEY_x", "rews", "file"} == FrozenTraj.from_dict(traj.to_dict()).obs.keys()


@pytest.mark.parametrize("save_as", ["npz", "npz-compressed"])
def test_what_was_written_is_read(tmp_path: Path, save_as: str) -> None:
    traj = frozen_traj()
    traj.obs = {"file": traj.obs["x"], "a/b": traj.obs["pixels"]}
    name = traj.save_to_disk(tmp_path / "not there yet" / "e_1_2.5", save_as)

    assert str(tmp_path / "not there yet" / "e_1_2.5.npz") == name
    assert same(traj, load_traj_from_disk(name))


def test_another_way_of_writing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='"npz" or "npz-compressed", got \'zip\''):
        frozen_traj().save_to_disk(tmp_path / "x", "zip")
    assert [] == list(tmp_path.iterdir())


def test_unknown_and_missing_names_are_told() -> None:
    flat = frozen_traj().to_dict()
    del flat["rews"]

    with pytest.raises(TypeError, match=r"missing: \['rews'\], unknown: \['rewards'\]"):
        FrozenTraj.from_dict({**flat, "rewards": 1})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("actions", np.zeros(5), "actions of a trajectory has 2 dimensions"),
        ("rews", np.zeros(5), r"rews .* of 5 actions of size 2 has the shape \(5, 1\), got \(5,\)"),
        ("rews", np.zeros((6, 1)), r"rews .* has the shape \(5, 1\), got \(6, 1\)"),
        ("dones", np.zeros((5, 2)), r"dones .* has the shape \(5, 1\), got \(5, 2\)"),
        ("time_idxs", np.zeros((6, 2)), r"time_idxs .* has the shape \(6, 1\), got \(6, 2\)"),
        ("rl2s", np.zeros((6, 2)), r"rl2s .* has the shape \(6, 3\), got \(6, 2\)"),
        ("obs", {"x": np.zeros(())}, r"obs\['x'\] .* got the shape \(\)"),
        ("obs", {"rews": np.zeros((5, 3))}, r"obs\['rews'\] of a trajectory of 5 actions has 6 rows"),
        ("obs", [1], "obs must be a dict"),
    ],
)
def test_shapes_that_do_not_fit_are_told(name: str, value: Any, message: str) -> None:
    parts = {**vars(frozen_traj(5)), name: value}

    with pytest.raises(BadTrajectory, match=message):
        FrozenTraj(**parts)


def test_a_copy_shares_nothing() -> None:
    traj = frozen_traj()
    copy = traj.copy()

    assert same(traj, copy)
    assert not any(
        np.shares_memory(mine, theirs)
        for mine, theirs in zip(traj.to_dict().values(), copy.to_dict().values(), strict=True)
    )
    assert traj.nbytes == copy.nbytes == sum(part.nbytes for part in traj.to_dict().values())


@pytest.mark.parametrize(
    "part", [np.array([None] * 6), np.array(["a"] * 6), np.zeros(6, "M8[s]"), np.zeros(6, np.longdouble)]
)
def test_what_no_tensor_can_hold_is_refused_and_never_written(tmp_path: Path, part: np.ndarray) -> None:
    traj = frozen_traj(5)
    with pytest.raises(BadTrajectory, match="_OBS_KEY_x of a trajectory must be numbers"):
        FrozenTraj(**{**vars(traj), "obs": {"x": part}})
    traj.obs["x"] = part  # afterwards
    with pytest.raises(BadTrajectory, match="_OBS_KEY_x of a trajectory must be numbers"):
        traj.save_to_disk(tmp_path / "a")
    assert [] == list(tmp_path.iterdir())


def test_lists_become_arrays() -> None:
    made = FrozenTraj({"x": [1, 2]}, [[0, 0], [1, 5]], [[0], [1]], [[1]], [[True]], [[5]])

    assert (1, 2) == (len(made), len(made.obs["x"]))
    assert np.bool_ == made.dones.dtype

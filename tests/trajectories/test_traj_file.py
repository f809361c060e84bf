"""Where trajectory files lie, how they are named, how they are read."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ding_buffer.trajectories.traj_file import (
    get_path_to_trajs,
    load_traj_from_disk,
    new_traj_path,
    steps_in_file,
    time_in_name,
)
from ding_buffer.trajectories.trajectory_errors import BadTrajectory, CorruptTrajectory
from tests.trajectories.made import frozen_traj, same, trajectory, write


def test_the_layout_is_that_of_the_original() -> None:
    assert str(Path("root", "set", "buffer", "fifo")) == get_path_to_trajs("root", "set", True)
    assert str(Path("root", "set", "buffer", "protected")) == get_path_to_trajs("root", "set", False)
    assert str(Path("root", "a", "b", "buffer", "fifo")) == get_path_to_trajs(Path("root"), "a/b", fifo=True)


@pytest.mark.parametrize("name", ["..", "a/../../b", "/abs", "", None])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="inside dset_root"):
        get_path_to_trajs("root", name, True)


def test_a_new_name_is_as_the_original_wants_it() -> None:
    names = [Path(new_traj_path("folder", " Cart_Pole/v1 ")).name for _ in range(2)]

    assert all(re.fullmatch(r"CartPolev1_[0-9a-f]{8}_\d+\.\d+", name) for name in names)
    assert names[0] != names[1]
    assert Path("folder") == Path(new_traj_path("folder", "_")).parent
    assert Path(new_traj_path("folder", "_")).name.startswith("env_")
    assert time_in_name(f"{names[0]}.npz") == float(names[0].split("_")[2])


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("env_0a_12.5.npz", 12.5),
        ("my_env_0a_12.5.traj", 12.5),
        ("env_0a_12.npz", 12.0),
        ("demo.npz", None),
        ("demo_1.npz", 1.0),
        ("env_0a_nan.npz", None),
        ("env_0a_inf.npz", None),
        ("env_0a_late.npz", None),
    ],
)
def test_the_time_is_the_last_part_of_a_name(name: str, time: float | None) -> None:
    assert time == time_in_name(name)


def test_both_kinds_tell_their_steps(tmp_path: Path) -> None:
    npz = frozen_traj(9).save_to_disk(tmp_path / "a")
    traj = trajectory(7).save_to_disk(tmp_path / "a", "trajectory")

    assert [9, 7] == [steps_in_file(npz), steps_in_file(traj)]


def test_another_ending_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Unrecognized trajectory file extension `.pkl` for path"):
        load_traj_from_disk("x.pkl")


def test_a_missing_file_is_no_damaged_file(tmp_path: Path) -> None:
    for ending in ("npz", "traj"):
        for look in (load_traj_from_disk, steps_in_file):
            with pytest.raises(FileNotFoundError):
                look(tmp_path / f"none.{ending}")


def test_a_file_cut_anywhere_is_told(tmp_path: Path) -> None:
    (path,) = write(tmp_path)
    whole = path.read_bytes()
    for end in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:end])
        for look in (load_traj_from_disk, steps_in_file):
            with pytest.raises(CorruptTrajectory, match=path.name):
                look(path)


def test_objects_in_a_file_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{**frozen_traj().to_dict(), "rews": np.array([[{}]] * 5, dtype=object)})

    with pytest.raises(CorruptTrajectory, match="allow_pickle"):
        load_traj_from_disk(tmp_path / "a.npz")


def test_a_zip_of_something_else_and_an_array_without_names_are_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("actions.npy", b"text")
    np.save(tmp_path / "b", np.zeros(3))
    (tmp_path / "b.npy").rename(tmp_path / "b.npz")

    for name in ("a.npz", "b.npz"):
        for look in (load_traj_from_disk, steps_in_file):
            with pytest.raises((CorruptTrajectory, BadTrajectory)):
                look(tmp_path / name)


def test_no_file_stays_open(tmp_path: Path) -> None:
    (path,) = write(tmp_path)
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("no /proc here")
    before = len(list(descriptors.iterdir()))
    loaded = [load_traj_from_disk(path) for _ in range(5)]

    assert before == len(list(descriptors.iterdir()))
    assert same(frozen_traj(), loaded[0])

"""Where trajectory files lie, how they are named, how they are read."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ding_buffer.trajectories.traj_file import (
    get_path_to_trajs,
    load_traj_from_disk,
    new_traj_path,
    steps_in_file,
    time_in_name,
)
from ding_buffer.trajectories.trajectory_errors import CorruptTrajectory
from tests.trajectories.made import frozen_traj, opened_in, same, trajectory, write


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
        ("demo_1.npz", None),
        ("env_0a_nan.npz", None),
        ("env_0a_inf.npz", None),
        ("env_0a_late.npz", None),
    ],
)
def test_the_time_is_the_third_part_of_a_name(name: str, time: float | None) -> None:
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


@pytest.mark.parametrize("look", [load_traj_from_disk, steps_in_file])
def test_a_file_damaged_anywhere_is_read_or_told(tmp_path: Path, look: Any) -> None:
    """Above all in the table of contents at the end, whose offsets lead anywhere."""
    (path,) = write(tmp_path, steps=1)
    whole, told = path.read_bytes(), 0
    for place in range(1, 450):
        path.write_bytes(whole[:-place] + b"\xff" + whole[len(whole) - place + 1 :])
        try:
            look(path)
        except CorruptTrajectory:
            told += 1

    assert told > 100


def test_objects_in_a_file_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{**frozen_traj().to_dict(), "rews": np.array([[{}]] * 5, dtype=object)})

    with pytest.raises(CorruptTrajectory, match="allow_pickle"):
        load_traj_from_disk(tmp_path / "a.npz")


def crafted(path: Path, **headers: tuple[int, ...]) -> Path:
    """Writes a file in which some arrays claim other shapes than they have."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in frozen_traj().to_dict().items():
            member = io.BytesIO()
            described = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
            described["shape"] = headers.get(name, array.shape)
            np.lib.format.write_array_header_1_0(member, described)
            archive.writestr(f"{name}.npy", member.getvalue() + array.tobytes())
    return path


@pytest.mark.parametrize("rows", [10**15, 2**62, 10**400, -1])
def test_a_shape_that_no_memory_holds_is_damage(tmp_path: Path, rows: int) -> None:
    path = crafted(tmp_path / "env_0_1.npz", actions=(rows, 2))

    for look in (load_traj_from_disk, steps_in_file):
        with pytest.raises(CorruptTrajectory, match=r"env_0_1\.npz: it is damaged"):
            look(path)
    assert same(frozen_traj(), load_traj_from_disk(crafted(path)))


@pytest.mark.parametrize("part", [np.array(["a"] * 6), np.zeros((6, 1), "M8[s]"), np.zeros(6, [("a", "f4")])])
def test_what_no_tensor_can_hold_is_refused(tmp_path: Path, part: np.ndarray) -> None:
    np.savez(tmp_path / "a.npz", **{**frozen_traj().to_dict(), "_OBS_KEY_x": part})

    with pytest.raises(CorruptTrajectory, match=r"a\.npz.*_OBS_KEY_x of a trajectory must be numbers"):
        load_traj_from_disk(tmp_path / "a.npz")


def test_a_file_of_other_arrays_is_told_with_its_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros(3))

    with pytest.raises(CorruptTrajectory, match=r"a\.npz: .*unknown: \['x'\]"):
        load_traj_from_disk(tmp_path / "a.npz")


def test_a_zip_of_something_else_and_an_array_without_names_are_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("actions.npy", b"text")
    np.save(tmp_path / "b", np.zeros(3))
    (tmp_path / "b.npy").rename(tmp_path / "b.npz")

    for name in ("a.npz", "b.npz"):
        for look in (load_traj_from_disk, steps_in_file):
            with pytest.raises(CorruptTrajectory, match=name):
                look(tmp_path / name)


def test_no_file_stays_open(tmp_path: Path) -> None:
    (path,) = write(tmp_path)
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc here")
    with path.open("rb"):
        assert [path] == opened_in(tmp_path)
        loaded = load_traj_from_disk(path)
        assert [path] == opened_in(tmp_path)

    assert 5 == steps_in_file(path)
    assert [] == opened_in(tmp_path)
    assert same(frozen_traj(), loaded)

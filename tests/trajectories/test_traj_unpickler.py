"""Pickled trajectories are read and nothing in them is run."""

from __future__ import annotations

import dataclasses
import os
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.trajectories.traj_file import load_traj_from_disk
from ding_buffer.trajectories.traj_unpickler import unpickle_trajectory
from ding_buffer.trajectories.trajectory import Trajectory
from ding_buffer.trajectories.trajectory_errors import CorruptTrajectory
from tests.trajectories.made import same, trajectory


def as_amago_pickles_it(traj: Trajectory, protocol: int) -> bytes:
    """Pickles copies of the timesteps whose classes are called as AMAGO's are, which then vanish again."""
    module: Any = types.ModuleType("amago.hindsight")

    @dataclasses.dataclass
    class Timestep:
        obs: Any
        prev_action: Any
        reward: Any
        time_idx: Any
        terminal: Any
        batched_envs: int

    class Trajectory:
        pass

    for made in (Timestep, Trajectory):
        made.__module__, made.__qualname__ = "amago.hindsight", made.__name__
        setattr(module, made.__name__, made)
    sys.modules["amago"], sys.modules["amago.hindsight"] = types.ModuleType("amago"), module
    try:
        theirs: Any = Trajectory()
        theirs.timesteps = [Timestep(**vars(step)) for step in traj]
        return pickle.dumps(theirs, protocol)
    finally:
        del sys.modules["amago"], sys.modules["amago.hindsight"]


@pytest.mark.parametrize("protocol", [4, 5])
def test_a_file_of_the_original_loads_without_the_original(tmp_path: Path, protocol: int) -> None:
    traj = trajectory(4)
    traj.timesteps[1].obs["x"] = np.asfortranarray(traj.timesteps[1].obs["x"])
    traj.timesteps[2].time_idx = traj.timesteps[2].time_idx.astype(">i4")
    path = tmp_path / "env_0_1.traj"
    path.write_bytes(as_amago_pickles_it(traj, protocol))
    loaded = load_traj_from_disk(path)

    assert "amago" not in sys.modules
    assert isinstance(loaded, Trajectory)
    assert same(traj.freeze(), loaded.freeze())
    loaded.timesteps[0].reward[:] = 5  # arrays of one's own


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("protocol", [4, 5])
@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float16, ">f8", np.complex64])
def test_arrays_of_every_kind_of_number_come_back(dtype: Any, protocol: int, order: Any) -> None:
    traj = trajectory(1)
    given = np.array(np.arange(24).reshape(1, 2, 3, 4) % 7, dtype=dtype, order=order)
    traj.timesteps[0].obs["x"] = given
    traj.timesteps[1].obs["x"] = given[:, ::-1]
    loaded = unpickle_trajectory(pickle.dumps(traj, protocol))

    assert given.tolist() == loaded[0].obs["x"].tolist()
    assert given[:, ::-1].tolist() == loaded[1].obs["x"].tolist()
    assert given.dtype.kind == loaded[0].obs["x"].dtype.kind


def test_numbers_of_numpy_come_back() -> None:
    traj = trajectory(1)
    traj.timesteps[0].reward = [np.float64(2.5)]

    assert [2.5] == unpickle_trajectory(pickle.dumps(traj, 4))[0].reward.tolist()


class Runs:
    """Would run a command when it is unpickled."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> Any:
        return self.call


def in_a_timestep(content: Any) -> bytes:
    traj = trajectory(1)
    traj.timesteps[0].reward = content
    return pickle.dumps(traj, 4)


def test_a_command_in_a_file_is_not_run(tmp_path: Path) -> None:
    path, mark = tmp_path / "demo_0_1.traj", tmp_path / "mark"
    path.write_bytes(in_a_timestep(Runs(os.system, f"touch {mark}")))

    with pytest.raises(CorruptTrajectory, match=rf"demo_0_1.traj.*{os.system.__module__}.system, which no"):
        load_traj_from_disk(path)
    assert not mark.exists()
    with pytest.raises(CorruptSnapshot):
        load_traj_from_disk(path)


@pytest.mark.parametrize(
    "made",
    [
        Runs(eval, "1"),
        Runs(getattr, "a", "b"),
        Runs(np.load, "x"),
        Runs(np.testing.measure, "1"),
        Runs(np.ndarray, (1,), "O", b"01234567"),  # would read where 0x3736353433323130 points to
        Runs(np.dtype, "O"),
        Runs(np.dtype, [("a", "O")]),
        np.array([None]),
        np.array(["text"]),
        np.zeros(1, np.longdouble),
        np.zeros(1, dtype=[("a", "f4")]),
        np.zeros(1, "M8[s]"),
        {1, 2},
        trajectory(1),
    ],
)
def test_whatever_is_no_array_of_numbers_is_refused(made: Any) -> None:
    with pytest.raises(CorruptTrajectory, match="damaged, or no trajectory"):
        unpickle_trajectory(in_a_timestep(made))


def reduced(array: np.ndarray, **changes: Any) -> Any:
    """What the pickle of an array says, with a part of its state changed."""
    pickled: Any = array.__reduce__()
    function, args, state = pickled
    names = ("version", "shape", "dtype", "fortran", "raw")
    return function, args, tuple({**dict(zip(names, state, strict=True)), **changes}.values())


class Says:
    def __init__(self, what: Any) -> None:
        self.what = what

    def __reduce__(self) -> Any:
        return self.what


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": (2**40,)},
        {"shape": (-1,)},
        {"shape": (1.0,)},
        {"shape": None},
        {"raw": b""},
        {"raw": b"too many bytes"},
        {"raw": [1]},
        {"dtype": "f8"},
        {"dtype": None},
    ],
)
def test_a_state_that_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(CorruptTrajectory):
        unpickle_trajectory(in_a_timestep(Says(reduced(np.zeros(1), **changes))))


def test_a_dtype_cannot_be_given_fields_afterwards() -> None:
    fields = ("|", None, ("a",), {"a": (np.dtype("f8"), 0)}, 8, 1, 0)
    dtype = Says((np.dtype, ("f8", False, True), (3, *fields)))

    with pytest.raises(CorruptTrajectory, match="not one of numbers"):
        unpickle_trajectory(in_a_timestep(Says(reduced(np.zeros(1), dtype=dtype))))


@pytest.mark.parametrize(
    "content",
    [b"", b"no pickle", pickle.dumps(None), pickle.dumps([1]), pickle.dumps({"timesteps": []})],
)
def test_what_is_no_trajectory_is_told(content: bytes) -> None:
    with pytest.raises(CorruptTrajectory):
        unpickle_trajectory(content)


@pytest.mark.parametrize("claim", [b"\x8e", b"\x96"])  # BINBYTES8, BYTEARRAY8
def test_more_bytes_than_memory_holds_are_damage(claim: bytes) -> None:
    with pytest.raises(CorruptTrajectory, match="MemoryError"):
        unpickle_trajectory(b"\x80\x05" + claim + (2**60).to_bytes(8, "little") + b".")


def test_a_file_cut_anywhere_is_told() -> None:
    whole = pickle.dumps(trajectory(1), 4)

    for end in range(0, len(whole), 7):
        with pytest.raises(CorruptTrajectory):
            unpickle_trajectory(whole[:end])


def test_a_file_cannot_change_what_names_stand_for() -> None:
    # GLOBAL, then a state for what it gave: (None, {"__setstate__": 1})
    for name in (b"numpy\ndtype", b"amago.hindsight\nTimestep", b"numpy.core.multiarray\n_reconstruct"):
        with pytest.raises(CorruptTrajectory):
            unpickle_trajectory(b"c" + name + b"\n(N}X\x0c\x00\x00\x00__setstate__K\x01stb.")
    assert 2 == len(unpickle_trajectory(pickle.dumps(trajectory(1), 4)))

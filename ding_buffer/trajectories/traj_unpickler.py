"""Reads ``.traj`` files, which are pickles, without running anything that is in them.

A list of allowed names is not enough: with numpy's own ``ndarray`` and ``dtype`` a made-up file writes where
it likes in memory. So a name stands for a class here that only notes what it was given, and arrays are made
of that when it has been looked at.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

from ding_buffer.trajectories.frozen_traj import is_number
from ding_buffer.trajectories.timestep import Timestep
from ding_buffer.trajectories.trajectory import Trajectory
from ding_buffer.trajectories.trajectory_errors import CorruptTrajectory


class _Noted:
    """A state that was asked for, which a class alone does not take."""

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise pickle.UnpicklingError("a state is not as it was written")
        self.__dict__.update(state)


class _Trajectory(_Noted):
    """A pickled ``Trajectory``."""


class _Timestep(_Noted):
    """A pickled ``Timestep``."""


class _ArrayType(_Noted):
    """``numpy.ndarray``, which is named and never called."""

    def __new__(cls, *args: Any) -> Any:
        raise pickle.UnpicklingError("numpy.ndarray is called")


class _DType(_Noted):
    """A pickled ``dtype`` of plain numbers."""

    def __init__(self, code: str, align: Any = False, copy: Any = True) -> None:
        self.dtype = np.dtype(code) if isinstance(code, str) else np.dtype(object)
        if not is_number(self.dtype):
            raise pickle.UnpicklingError(f"an array of {code!r} is not one of numbers")

    def __setstate__(self, state: Any) -> None:
        _, order, subtype, names, fields, *_ = state
        if order not in ("<", ">", "|", "=") or not subtype is names is fields is None:
            raise pickle.UnpicklingError("an array is not one of numbers")
        self.dtype = self.dtype.newbyteorder(order)


class _Array(_Noted):
    """A pickled array, whole when its state came."""

    array: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, raw = state
        self.array = _array_of(raw, dtype, shape, "F" if fortran else "C")


class _Reconstruct(_Noted):
    """``_reconstruct``, with which the pickle of an array begins."""

    def __new__(cls, kind: Any, shape: Any, code: Any) -> Any:
        return _Array()


class _FromBuffer(_Noted):
    """``_frombuffer``, which makes an array since protocol 5."""

    def __new__(cls, raw: Any, dtype: Any, shape: Any, order: Any, *rest: Any) -> Any:
        made = _Array()
        made.array = _array_of(raw, dtype, shape, order)
        return made


class _Scalar(_Noted):
    """``scalar``, which makes a single number of numpy's."""

    def __new__(cls, dtype: Any, raw: Any) -> Any:
        return _array_of(raw, dtype, (), "C")[()]


_ALLOWED: dict[tuple[str, str], type[_Noted]] = {
    ("amago.hindsight", "Trajectory"): _Trajectory,
    ("amago.hindsight", "Timestep"): _Timestep,
    ("ding_buffer.trajectories.trajectory", "Trajectory"): _Trajectory,
    ("ding_buffer.trajectories.timestep", "Timestep"): _Timestep,
    ("numpy", "ndarray"): _ArrayType,
    ("numpy", "dtype"): _DType,
}
for _core in ("numpy.core", "numpy._core"):
    _ALLOWED[f"{_core}.multiarray", "_reconstruct"] = _Reconstruct
    _ALLOWED[f"{_core}.multiarray", "scalar"] = _Scalar
    _ALLOWED[f"{_core}.numeric", "_frombuffer"] = _FromBuffer


class TrajUnpickler(pickle.Unpickler):
    """Knows the names that a pickled trajectory needs, exactly, and none of the things behind them."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        """Returns what stands for a name; raises for any other."""
        try:
            return _ALLOWED[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks for {module_name}.{global_name}, which no trajectory needs"
            ) from None


def unpickle_trajectory(content: bytes) -> Trajectory:
    """Returns the trajectory in a pickle that ours or AMAGO's ``Trajectory`` wrote.

    Raises ``CorruptTrajectory`` for anything else.
    """
    try:
        made = TrajUnpickler(io.BytesIO(content)).load()
        if not isinstance(made, _Trajectory):
            raise pickle.UnpicklingError("it holds no Trajectory")
        return Trajectory([_timestep(noted) for noted in vars(made)["timesteps"]])
    except Exception as error:
        # Whoever made such a file up can make it raise anything, MemoryError as well.
        raise CorruptTrajectory(
            f"it is damaged, or no trajectory: {type(error).__name__}: {error}"
        ) from error


def _timestep(noted: Any) -> Timestep:
    if not isinstance(noted, _Timestep):
        raise pickle.UnpicklingError("it holds something else than timesteps")
    held = vars(noted)
    return Timestep(
        obs={str(key): _settled(value) for key, value in held["obs"].items()},
        prev_action=_settled(held["prev_action"]),
        reward=_settled(held["reward"]),
        time_idx=_settled(held["time_idx"]),
        terminal=_settled(held["terminal"]),
        batched_envs=int(held.get("batched_envs", 0)),
    )


def _settled(value: Any) -> np.ndarray:
    made = value.array if isinstance(value, _Array) else np.asarray(value)
    if made is None or not is_number(made.dtype):
        raise pickle.UnpicklingError("an array is not one of numbers")
    return made


def _array_of(raw: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    """Returns an array of its own of bytes, all of them; whatever does not fit raises."""
    if not isinstance(dtype, _DType) or not isinstance(raw, (bytes, bytearray)):
        raise pickle.UnpicklingError("an array is not made of bytes")
    if not all(type(size) is int and size >= 0 for size in shape):
        raise pickle.UnpicklingError("an array has an impossible shape")
    flat = np.frombuffer(bytes(raw), dtype=dtype.dtype)
    made = flat.reshape(tuple(shape), order="F" if order == "F" else "C")
    return made.astype(dtype.dtype.newbyteorder("="), order="C", copy=True)

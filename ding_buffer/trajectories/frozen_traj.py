"""A trajectory as arrays, ready to be drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from ding_buffer.buffers.publishing import whole_file
from ding_buffer.storages.conversion import NUMBERS
from ding_buffer.trajectories.trajectory_errors import BadTrajectory

OBS_KEY = "_OBS_KEY_"
PARTS = ("rl2s", "time_idxs", "rews", "dones", "actions")
"""What a trajectory has beside its observations."""


@dataclass(eq=False)
class FrozenTraj:
    """T transitions, that is T + 1 moments, of one env.

    ``obs`` maps names to (T + 1, ...); ``rl2s`` is (T + 1, 1 + A), the reward and the action before each
    moment, reward first; ``time_idxs`` is (T + 1, 1); ``rews`` and ``dones`` are (T, 1) and ``actions`` is
    (T, A): what was done at moment t, and what came of it. Arrays are kept by reference. Raises
    ``BadTrajectory`` where the shapes do not fit, and for arrays that are not of numbers.
    """

    obs: dict[str, Any]
    rl2s: Any
    time_idxs: Any
    rews: Any
    dones: Any
    actions: Any

    def __post_init__(self) -> None:
        if isinstance(self.obs, dict):
            self.obs = {key: np.asarray(value) for key, value in self.obs.items()}
        for name in PARTS:
            setattr(self, name, np.asarray(getattr(self, name)))
        self.check()

    def check(self) -> None:
        """Raises ``BadTrajectory`` where parts that were edited do not fit any more."""
        check_shapes(self)
        for name, part in self.to_dict().items():
            if not is_number(part.dtype):
                raise BadTrajectory(f"{name} of a trajectory must be numbers, got the dtype {part.dtype}.")

    def __len__(self) -> int:
        """Returns the number of transitions."""
        return len(self.actions)

    def to_dict(self) -> dict[str, Any]:
        """Returns all arrays in one flat dict, those of ``obs`` under a prefix; they are not copied."""
        observed = {f"{OBS_KEY}{key}": value for key, value in self.obs.items()}
        return {**observed, **{name: getattr(self, name) for name in PARTS}}

    @classmethod
    def from_dict(cls, arrays: Mapping[str, Any]) -> FrozenTraj:
        """Makes one of what ``to_dict`` gave; raises ``BadTrajectory`` for a missing or an unknown name."""
        obs = {key[len(OBS_KEY) :]: arrays[key] for key in arrays if key.startswith(OBS_KEY)}
        rest = {key: arrays[key] for key in arrays if not key.startswith(OBS_KEY)}
        if rest.keys() != set(PARTS):
            raise BadTrajectory(
                f"A trajectory has {', '.join(PARTS)} and observations under {OBS_KEY}*; "
                f"missing: {sorted(set(PARTS) - set(rest))}, unknown: {sorted(set(rest) - set(PARTS))}."
            )
        return cls(obs=obs, **rest)

    def save_to_disk(self, path: str | PathLike[str], save_as: str = "npz", *, sync: bool = False) -> str:
        """Writes ``<path>.npz``, whole or not at all, and returns its name; makes missing folders.

        ``save_as`` is "npz" or "npz-compressed". ``sync`` waits for the disk.
        """
        if save_as not in ("npz", "npz-compressed"):
            raise BadTrajectory(f'save_as must be "npz" or "npz-compressed", got {save_as!r}.')
        self.check()
        write = np.savez if save_as == "npz" else np.savez_compressed
        name = f"{path}.npz"
        with whole_file(name, sync=sync) as file:
            write(file, **self.to_dict())
        return name

    def copy(self) -> FrozenTraj:
        """Returns one that shares no memory with this."""
        return FrozenTraj.from_dict({key: np.array(value) for key, value in self.to_dict().items()})

    @property
    def nbytes(self) -> int:
        """How many bytes the arrays have."""
        return sum(value.nbytes for value in self.to_dict().values())


def check_shapes(sequence: Any) -> None:
    """Raises ``BadTrajectory`` where the parts of a sequence do not fit each other.

    Knows what arrays and tensors share.
    """
    if not isinstance(sequence.obs, dict):
        raise BadTrajectory(f"obs must be a dict of arrays, got {type(sequence.obs).__name__}.")
    if sequence.actions.ndim != 2:
        raise BadTrajectory(
            f"actions of a trajectory has 2 dimensions, got the shape {tuple(sequence.actions.shape)}."
        )
    steps, size = sequence.actions.shape
    due = {
        "rl2s": (steps + 1, 1 + size),
        "time_idxs": (steps + 1, 1),
        "rews": (steps, 1),
        "dones": (steps, 1),
    }
    for name, shape in due.items():
        found = tuple(getattr(sequence, name).shape)
        if found != shape:
            raise BadTrajectory(
                f"{name} of a trajectory of {steps} actions of size {size} has the shape {shape}, "
                f"got {found}."
            )
    for key, part in sequence.obs.items():
        if part.ndim < 1 or len(part) != steps + 1:
            raise BadTrajectory(
                f"obs[{key!r}] of a trajectory of {steps} actions has {steps + 1} rows, "
                f"got the shape {tuple(part.shape)}."
            )


def is_number(dtype: np.dtype[Any]) -> bool:
    """Tells whether an array of this dtype can become a tensor."""
    return dtype.kind in NUMBERS and dtype.char not in "gG"  # which are long doubles

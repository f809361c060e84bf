"""A trajectory as arrays, ready to be drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from os import PathLike
from typing import Any

import numpy as np

from ding_buffer.buffers.publishing import whole_file
from ding_buffer.trajectories.trajectory_errors import BadTrajectory

OBS_KEY = "_OBS_KEY_"


@dataclass(eq=False)
class FrozenTraj:
    """T transitions, that is T + 1 moments, of one env.

    ``obs`` maps names to (T + 1, ...); ``rl2s`` is (T + 1, 1 + A), the reward and the action before each
    moment, reward first; ``time_idxs`` is (T + 1, 1); ``rews`` and ``dones`` are (T, 1) and ``actions`` is
    (T, A): what was done at moment t, and what came of it. Arrays are kept by reference. Raises
    ``BadTrajectory`` where the shapes do not fit.
    """

    obs: dict[str, Any]
    rl2s: Any
    time_idxs: Any
    rews: Any
    dones: Any
    actions: Any

    def __post_init__(self) -> None:
        check_lengths(self)

    def __len__(self) -> int:
        """Returns the number of transitions."""
        return len(self.actions)

    def to_dict(self) -> dict[str, Any]:
        """Returns all arrays in one flat dict, those of ``obs`` under a prefix; they are not copied."""
        rest = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "obs"}
        return {**{f"{OBS_KEY}{key}": value for key, value in self.obs.items()}, **rest}

    @classmethod
    def from_dict(cls, arrays: Mapping[str, Any]) -> FrozenTraj:
        """Makes one of what ``to_dict`` gave; raises ``BadTrajectory`` for a missing or an unknown name."""
        obs = {key[len(OBS_KEY) :]: arrays[key] for key in arrays if key.startswith(OBS_KEY)}
        rest = {key: arrays[key] for key in arrays if not key.startswith(OBS_KEY)}
        known = {field.name for field in fields(cls)} - {"obs"}
        if set(rest) != known:
            raise BadTrajectory(
                f"A trajectory has {', '.join(sorted(known))} and observations under {OBS_KEY}*; "
                f"missing: {sorted(known - set(rest))}, unknown: {sorted(set(rest) - known)}."
            )
        return cls(obs=obs, **rest)

    def save_to_disk(self, path: str | PathLike[str], save_as: str = "npz", *, sync: bool = False) -> str:
        """Writes ``<path>.npz``, whole or not at all, and returns its name; makes missing folders.

        ``save_as`` is "npz" or "npz-compressed". ``sync`` waits for the disk.
        """
        if save_as not in ("npz", "npz-compressed"):
            raise BadTrajectory(f'save_as must be "npz" or "npz-compressed", got {save_as!r}.')
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


def check_lengths(sequence: Any) -> None:
    """Raises ``BadTrajectory`` where the parts of a sequence do not fit each other.

    Knows what arrays and tensors share.
    """
    if not isinstance(sequence.obs, dict):
        raise BadTrajectory(f"obs must be a dict of arrays, got {type(sequence.obs).__name__}.")
    parts = {name: getattr(sequence, name) for name in ("rl2s", "time_idxs", "rews", "dones", "actions")}
    for name, part in parts.items():
        if part.ndim != 2:
            raise BadTrajectory(
                f"{name} of a trajectory has 2 dimensions, got the shape {tuple(part.shape)}."
            )
    steps = len(sequence.actions)
    due = {"rl2s": steps + 1, "time_idxs": steps + 1, "rews": steps, "dones": steps, "actions": steps}
    checked = [(name, part, due[name]) for name, part in parts.items()]
    checked += [(f"obs[{key!r}]", part, steps + 1) for key, part in sequence.obs.items()]
    for name, part, rows in checked:
        if part.ndim < 1 or len(part) != rows:
            raise BadTrajectory(
                f"{name} of a trajectory of {steps} actions has {rows} rows, "
                f"got the shape {tuple(part.shape)}."
            )

"""A trajectory while it is being recorded."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from os import PathLike
from typing import Any

import numpy as np

from ding_buffer.buffers.publishing import whole_file
from ding_buffer.trajectories.frozen_traj import FrozenTraj
from ding_buffer.trajectories.timestep import Timestep
from ding_buffer.trajectories.trajectory_errors import BadTrajectory

SAVE_AS = ("trajectory", "npz", "npz-compressed")


class Trajectory:
    """The moments of one env, in order: one more than there are transitions."""

    def __init__(self, timesteps: Iterable[Timestep] | None = None) -> None:
        self.timesteps: list[Timestep] = []
        for timestep in timesteps or ():
            self.add_timestep(timestep)

    def add_timestep(self, timestep: Timestep) -> None:
        """Adds the next moment, of a single env, by reference.

        Raises ``BadTrajectory`` where its observations and action are not shaped as those of the first.
        """
        if not isinstance(timestep, Timestep) or timestep.batched_envs != 1:
            raise BadTrajectory(
                f"A Trajectory takes a Timestep of a single env (split_batched_timestep), got {timestep!r}."
            )
        if self.timesteps and _shapes(timestep) != _shapes(self.timesteps[0]):
            raise BadTrajectory(
                f"The timesteps of a trajectory differ: {_shapes(self.timesteps[0])} in the first, "
                f"{_shapes(timestep)} in number {len(self.timesteps)}."
            )
        self.timesteps.append(timestep)

    def __getitem__(self, place: Any) -> Any:
        return self.timesteps[place]

    def __len__(self) -> int:
        """Returns the number of moments."""
        return len(self.timesteps)

    def __iter__(self) -> Iterator[Timestep]:
        return iter(self.timesteps)

    @property
    def total_return(self) -> np.ndarray:
        """The sum of all rewards, of shape (1,)."""
        rewards = [timestep.reward for timestep in self.timesteps]
        total: np.ndarray = np.stack([np.zeros(1), *rewards]).sum(axis=0)
        return total

    def as_input_sequence(self) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Returns what a policy saw: obs (T + 1, ...), rewards and actions (T + 1, 1 + A), time."""
        if not self.timesteps:
            raise BadTrajectory("This trajectory has no timestep.")
        seen, rl2s, times = zip(*(timestep.as_input() for timestep in self.timesteps), strict=True)
        obs = {key: np.concatenate([one[key] for one in seen]) for key in seen[0]}
        return obs, np.concatenate(rl2s), np.concatenate(times)

    def freeze(self) -> FrozenTraj:
        """Returns the arrays; raises ``BadTrajectory`` for less than two timesteps."""
        if len(self) < 2:
            raise BadTrajectory(f"A trajectory of {len(self)} timesteps has no transition to freeze.")
        obs, rl2s, time_idxs = self.as_input_sequence()
        return FrozenTraj(
            obs=obs,
            rl2s=rl2s,
            time_idxs=time_idxs.astype(np.int64),
            rews=rl2s[1:, :1].copy(),
            dones=np.stack([timestep.terminal for timestep in self.timesteps[1:]]).astype(bool),
            actions=rl2s[1:, 1:].copy(),
        )

    def save_to_disk(self, path: str | PathLike[str], save_as: str = "npz", *, sync: bool = False) -> str:
        """Writes one file, whole or not at all, and returns its name; ``path`` has no extension.

        ``save_as`` is "npz", "npz-compressed", or "trajectory": a pickle of every timestep, ``<path>.traj``.
        Raises ``BadTrajectory`` for what cannot be frozen: nobody could draw from such a file.
        """
        if save_as not in SAVE_AS:
            raise BadTrajectory(f"save_as must be one of {', '.join(SAVE_AS)}, got {save_as!r}.")
        made = self.freeze()
        if save_as != "trajectory":
            return made.save_to_disk(path, save_as, sync=sync)
        name = f"{path}.traj"
        with whole_file(name, sync=sync) as file:
            pickle.dump(self, file, protocol=4)
        return name

    @property
    def nbytes(self) -> int:
        """How many bytes the arrays of all timesteps have."""
        return sum(
            part.nbytes
            for one in self.timesteps
            for part in (*one.obs.values(), one.prev_action, one.reward, one.time_idx, one.terminal)
        )


def _shapes(timestep: Timestep) -> dict[str, Any]:
    obs = {key: value.shape for key, value in timestep.obs.items()}
    return {"prev_action": timestep.prev_action.shape, "obs": obs}

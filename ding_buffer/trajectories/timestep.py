"""What one or several envs showed at one moment."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from ding_buffer.trajectories.trajectory_errors import BadTrajectory


@dataclass(eq=False)
class Timestep:
    """One moment of B envs: what they show, and what led to it.

    ``obs`` maps names to (B, ...), ``prev_action`` is (B, A), ``reward``, ``time_idx`` (steps since the
    reset) and ``terminal`` are (B,). ``batched_envs`` is B, found out where it is not given. Arrays are kept
    by reference: copy what an env writes over. Raises ``BadTrajectory`` where the shapes do not fit.
    """

    obs: dict[str, Any]
    prev_action: Any
    reward: Any
    time_idx: Any
    terminal: Any
    batched_envs: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.obs, dict):
            raise BadTrajectory(f"obs must be a dict of arrays, got {type(self.obs).__name__}.")
        self.obs = {key: np.asarray(value) for key, value in self.obs.items()}
        self.prev_action = np.asarray(self.prev_action)
        self.reward, self.time_idx = np.asarray(self.reward), np.asarray(self.time_idx)
        self.terminal = np.asarray(self.terminal)
        for name, dims in (("reward", 1), ("time_idx", 1), ("terminal", 1), ("prev_action", 2)):
            if getattr(self, name).ndim != dims:
                raise BadTrajectory(
                    f"{name} of a Timestep has {dims} dimensions, got the shape {getattr(self, name).shape}."
                )
        self.batched_envs = self.batched_envs or len(self.reward)
        parts = {"prev_action": self.prev_action, "reward": self.reward, "time_idx": self.time_idx}
        for name, part in {**parts, "terminal": self.terminal, **self.obs}.items():
            if part.ndim < 1 or len(part) != self.batched_envs:
                raise BadTrajectory(
                    f"{name} of a Timestep of {self.batched_envs} envs has one row for each, "
                    f"got the shape {part.shape}."
                )

    def as_input(self) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Returns what a policy sees: obs, the reward and previous action (B, 1 + A), time (B, 1)."""
        rl2s = np.concatenate((self.reward[:, None], self.prev_action), axis=1, dtype=np.float32)
        return self.obs, rl2s, self.time_idx[:, None]

    def create_reset_version(self, reset_idxs: Any) -> Timestep:
        """Returns a copy that in the envs where ``reset_idxs`` (B,) is true is the first of an episode."""
        made = copy.deepcopy(self)
        reset = np.asarray(reset_idxs, dtype=bool)
        for part in (made.prev_action, made.reward, made.time_idx, made.terminal):
            part[reset] = 0
        return made


def split_batched_timestep(timestep: Timestep) -> list[Timestep]:
    """Returns a ``Timestep`` for each env; the very same where there is only one. Memory is shared."""
    if timestep.batched_envs == 1:
        return [timestep]
    return [
        Timestep(
            obs={key: value[own] for key, value in timestep.obs.items()},
            prev_action=timestep.prev_action[own],
            reward=timestep.reward[own],
            time_idx=timestep.time_idx[own],
            terminal=timestep.terminal[own],
            batched_envs=1,
        )
        for own in (slice(env, env + 1) for env in range(timestep.batched_envs))
    ]

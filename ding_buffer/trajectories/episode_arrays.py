"""An episode as others record it, as a trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ding_buffer.trajectories.frozen_traj import FrozenTraj
from ding_buffer.trajectories.trajectory_errors import BadTrajectory

OBSERVATION = "observation"
"""The name of observations that have none, as AMAGO calls them."""


def frozen_episode(
    observations: Any, actions: Any, rewards: Any, terminated: Any, discrete_actions: int | None = None
) -> FrozenTraj:
    """Returns T transitions as a trajectory.

    ``observations`` are T + 1, an array or a mapping of arrays, nested ones too; ``actions`` (T, ...) become
    rows of numbers, or with ``discrete_actions=n`` the int actions 0 .. n - 1 become rows of n zeros with a
    one; ``rewards`` and ``terminated`` (the game was over, not: the recording was) are (T,).
    """
    rows = action_rows(actions, discrete_actions)
    steps = len(rows)
    rews = np.asarray(rewards, dtype=np.float32).reshape(-1, 1)
    dones = np.asarray(terminated, dtype=bool).reshape(-1, 1)
    if not len(rews) == len(dones) == steps:
        raise BadTrajectory(f"{steps} actions, {len(rews)} rewards and {len(dones)} flags of ends differ.")
    rl2s = np.zeros((steps + 1, 1 + rows.shape[1]), dtype=np.float32)
    rl2s[1:] = np.concatenate((rews, rows), axis=1)
    return FrozenTraj(
        obs=flat_observations(observations),
        rl2s=rl2s,
        time_idxs=np.arange(steps + 1, dtype=np.int64)[:, None],
        rews=rews,
        dones=dones,
        actions=rows,
    )


def flat_observations(observations: Any, name: str = "") -> dict[str, np.ndarray]:
    """Returns arrays by name; what is inside of others is ``outer/inner``, part of a tuple its number."""
    if isinstance(observations, tuple):
        observations = {str(place): part for place, part in enumerate(observations)}
    if not isinstance(observations, Mapping):
        return {name or OBSERVATION: np.asarray(observations)}
    made: dict[str, np.ndarray] = {}
    for key, part in observations.items():
        made.update(flat_observations(part, f"{name}/{key}" if name else str(key)))
    return made


def action_rows(actions: Any, discrete_actions: int | None = None) -> np.ndarray:
    """Returns actions as float32 of shape (T, A)."""
    if isinstance(actions, (Mapping, tuple)):
        raise BadTrajectory("Actions must be one array: make one of the parts of a mapping or tuple.")
    given = np.asarray(actions)
    if discrete_actions is None:
        return given.reshape(len(given), -1).astype(np.float32)
    chosen = given.reshape(-1)
    whole = chosen.astype(np.int64)
    wrong = (whole != chosen) | (whole < 0) | (whole >= discrete_actions)
    if len(chosen) != len(given) or wrong.any():
        raise BadTrajectory(
            f"Discrete actions must be single ints from 0 to {discrete_actions - 1}, "
            f"got the shape {given.shape} with {chosen[wrong][:3]}."
        )
    return np.eye(discrete_actions, dtype=np.float32)[whole]


def actions_in(space: Any, actions: Any) -> tuple[Any, int | None]:
    """Returns actions of a gymnasium space, counted from 0, and how many it has; None if not ``Discrete``."""
    if type(space).__name__ != "Discrete":
        return actions, None
    return np.asarray(actions) - int(space.start), int(space.n)

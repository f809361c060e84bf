"""Flat arrays of transitions, as trajectory files."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np

from ding_buffer.trajectories.episode_arrays import action_rows, flat_observations, frozen_episode
from ding_buffer.trajectories.traj_file import new_traj_path
from ding_buffer.trajectories.trajectory_errors import BadTrajectory

_NAMES = {
    "observations": ("observations", "obs", "observation"),
    "next_observations": ("next_observations", "next_obs", "next_observation"),
    "actions": ("actions", "action"),
    "rewards": ("rewards", "reward"),
    "terminated": ("terminations", "terminals", "terminated", "dones", "done"),
    "truncated": ("truncations", "timeouts", "truncated"),
}


def save_arrays(
    data: Mapping[str, Any],
    folder: str | PathLike[str],
    *,
    env_name: str = "arrays",
    discrete_actions: int | None = None,
    save_as: str = "npz",
) -> list[str]:
    """Cuts N transitions in order into episodes, writes a file of each, and returns the names.

    ``data`` has ``observations`` (an array or a mapping), ``actions``, ``rewards``, ``terminations`` and
    perhaps ``truncations`` and ``next_observations``; the names of D4RL and gymnasium are known as well. An
    episode ends where either flag is set and at the end of the data. ``folder`` is mostly
    ``get_path_to_trajs(root, name, fifo=False)``; ``discrete_actions`` is explained by ``frozen_episode``.

    Without ``next_observations`` nobody knows what a cut-off episode led to, so its last transition is left
    out; where it terminated, its last observation stands in, which no target looks at. N + 1 observations
    are those of a single episode.
    """
    parts = {name: _found(data, known) for name, known in _NAMES.items()}
    missing = [name for name in ("observations", "actions", "rewards", "terminated") if parts[name] is None]
    if missing:
        raise BadTrajectory(
            f"The data lack {', '.join(missing)}; known names: "
            + "; ".join(" or ".join(_NAMES[name]) for name in missing)
            + f"; there are {', '.join(map(str, data))}."
        )
    obs, count = flat_observations(parts["observations"]), len(parts["rewards"])
    actions, rewards = action_rows(parts["actions"], discrete_actions), np.asarray(parts["rewards"])
    ended = np.asarray(parts["terminated"], dtype=bool).reshape(-1)
    cut = np.zeros(count, dtype=bool)
    if parts["truncated"] is not None:
        cut = np.asarray(parts["truncated"], dtype=bool).reshape(-1)
    after = None if parts["next_observations"] is None else flat_observations(parts["next_observations"])
    _check_counts(count, obs, {"actions": actions, "terminations": ended, "truncations": cut}, after)
    whole = all(len(value) == count + 1 for value in obs.values())
    bounds = [0, *(np.flatnonzero((ended | cut)[:-1]) + 1).tolist(), count]
    if whole and len(bounds) > 2:
        raise BadTrajectory(f"{count + 1} observations of {count} transitions are those of one episode.")
    names = []
    for begin, end in itertools.pairwise(bounds):
        if whole:
            seen = obs
        elif after is not None:
            seen = {key: np.concatenate((obs[key][begin:end], after[key][end - 1 : end])) for key in obs}
        elif ended[end - 1]:
            seen = {key: np.concatenate((obs[key][begin:end], obs[key][end - 1 : end])) for key in obs}
        else:
            seen, end = {key: obs[key][begin:end] for key in obs}, end - 1
        if end > begin:
            made = frozen_episode(seen, actions[begin:end], rewards[begin:end], ended[begin:end])
            names.append(made.save_to_disk(new_traj_path(folder, env_name), save_as))
    return names


def _found(data: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((data[name] for name in names if name in data), None)


def _check_counts(
    count: int, obs: dict[str, Any], columns: dict[str, Any], after: dict[str, Any] | None
) -> None:
    for name, column in columns.items():
        if len(column) != count:
            raise BadTrajectory(f"There are {count} rewards and {len(column)} {name}.")
    if after is not None and (
        after.keys() != obs.keys()
        or {len(value) for part in (obs, after) for value in part.values()} != {count}
    ):
        raise BadTrajectory("next_observations must be as observations are, one for each transition.")
    lengths = {len(value) for value in obs.values()}
    if len(lengths) != 1 or not lengths <= {count, count + 1} or count < 1:
        raise BadTrajectory(f"There are {count} rewards and observations of the lengths {sorted(lengths)}.")

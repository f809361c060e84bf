"""Rollouts in a gymnasium env, as trajectory files."""

from __future__ import annotations

import copy
from collections.abc import Callable
from os import PathLike
from typing import Any

import numpy as np

from ding_buffer.core.number_checks import check_whole
from ding_buffer.trajectories.episode_arrays import actions_in, frozen_episode
from ding_buffer.trajectories.frozen_traj import FrozenTraj
from ding_buffer.trajectories.traj_file import new_traj_path


def save_rollouts(
    env: Any,
    policy: Callable[[Any], Any],
    folder: str | PathLike[str],
    *,
    episodes: int = 1,
    seed: int | None = None,
    max_steps: int | None = None,
    env_name: str | None = None,
    save_as: str = "npz",
) -> list[str]:
    """Plays a gymnasium env, writes a file of each episode, and returns the names.

    ``policy`` maps an observation to an action; its method ``reset()``, where it has one, is called before
    each episode. Discrete actions are stored as rows of zeros with a one. ``seed`` goes to the first reset,
    ``max_steps`` cuts episodes off, ``env_name`` is that of the env's ``spec`` by default. What the env
    terminated is done, what was cut off is not. gymnasium itself is not imported.
    """
    check_whole("episodes", episodes, 1)
    if max_steps is not None:
        check_whole("max_steps", max_steps, 1)
    name = env_name or getattr(getattr(env, "spec", None), "id", None) or "env"
    return [
        _episode(env, policy, seed if number == 0 else None, max_steps).save_to_disk(
            new_traj_path(folder, name), save_as
        )
        for number in range(episodes)
    ]


def _episode(env: Any, policy: Callable[[Any], Any], seed: int | None, max_steps: int | None) -> FrozenTraj:
    reset = getattr(policy, "reset", None)
    if callable(reset):
        reset()
    seen = [copy.deepcopy(env.reset(seed=seed)[0])]
    chosen: list[Any] = []
    rewards: list[Any] = []
    ends: list[Any] = []
    over = False
    while not over and (max_steps is None or len(chosen) < max_steps):
        chosen.append(copy.deepcopy(policy(seen[-1])))
        observation, reward, terminated, truncated, _ = env.step(chosen[-1])
        seen.append(copy.deepcopy(observation))  # the env may write into it
        rewards.append(reward)
        ends.append(terminated)
        over = bool(terminated or truncated)
    actions, count = actions_in(env.action_space, _stacked(chosen))
    return frozen_episode(_stacked(seen), actions, rewards, ends, count)


def _stacked(seen: list[Any]) -> Any:
    if isinstance(seen[0], dict):
        return {key: _stacked([one[key] for one in seen]) for key in seen[0]}
    if isinstance(seen[0], tuple):
        return tuple(_stacked(list(parts)) for parts in zip(*seen, strict=True))
    return np.stack([np.asarray(one) for one in seen])

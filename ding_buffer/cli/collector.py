"""Plays the envs and hands over what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ding_buffer.cli.dqn_policy import DqnPolicy
from ding_buffer.cli.environments import as_observation
from ding_buffer.cli.history import RunHistory
from ding_buffer.cli.run_config import CollectSettings


class Collector:
    """Steps several envs side by side, with one look at the network for all of them.

    As a middleware it plays ``settings.steps`` steps of each env and puts the transitions, env after env,
    into ``ctx.trajectories``: dicts of ``obs``, ``next_obs`` (float32 arrays), ``action``, ``reward``,
    ``done`` (the episode ended in the game), ``truncated`` (it was cut off: the value of ``next_obs``
    still counts) and ``env_data_id``, a running number of episodes. ``ctx.trajectory_end_idx`` holds the
    place of each env's last one. Epsilon falls linearly with ``ctx.env_step``.
    """

    def __init__(
        self,
        settings: CollectSettings,
        envs: Sequence[Any],
        policy: DqnPolicy,
        history: RunHistory,
        generator: np.random.Generator,
    ) -> None:
        self._settings = settings
        self._envs = list(envs)
        self._policy = policy
        self._history = history
        self._generator = generator
        self._actions = int(envs[0].action_space.n)
        self._begun = 0
        self._observations: list[Any] = []
        self._returns = [0.0] * len(self._envs)
        self._episode = [0] * len(self._envs)

    def epsilon(self, env_step: int) -> float:
        """Returns the share of random actions at an env step."""
        settings = self._settings
        left = max(0.0, 1.0 - env_step / settings.epsilon_steps)
        return settings.epsilon_end + (settings.epsilon_start - settings.epsilon_end) * left

    def __call__(self, ctx: Any) -> None:
        """Collects one round of transitions."""
        if not self._observations:
            self._observations = [self._reset(place, seeded=True) for place in range(len(self._envs))]
        played: list[list[dict[str, Any]]] = [[] for _ in self._envs]
        for _ in range(self._settings.steps):
            actions = self._choose(self.epsilon(ctx.env_step))
            ctx.env_step += len(self._envs)
            for place, action in enumerate(actions):
                played[place].append(self._step(place, int(action), ctx))
        ctx.trajectories = [transition for steps in played for transition in steps]
        ctx.trajectory_end_idx = [self._settings.steps * (place + 1) - 1 for place in range(len(self._envs))]

    def _choose(self, epsilon: float) -> Any:
        best = self._policy.greedy(np.stack(self._observations))
        random = self._generator.integers(self._actions, size=len(self._envs))
        return np.where(self._generator.random(len(self._envs)) < epsilon, random, best)

    def _step(self, place: int, action: int, ctx: Any) -> dict[str, Any]:
        before, episode = self._observations[place], self._episode[place]
        observed, reward, terminated, truncated, _ = self._envs[place].step(action)
        after = as_observation(observed)
        self._returns[place] += float(reward)
        if terminated or truncated:
            self._history.episodes.append((ctx.env_step, self._returns[place]))
            ctx.env_episode += 1
            self._observations[place] = self._reset(place)
        else:
            self._observations[place] = after
        return {
            "obs": before,
            "next_obs": after,
            "action": action,
            "reward": float(reward),
            "done": bool(terminated),
            "truncated": bool(truncated),
            "env_data_id": episode,
        }

    def _reset(self, place: int, seeded: bool = False) -> Any:
        self._episode[place] = self._begun
        self._begun += 1
        self._returns[place] = 0.0
        seed = int(self._generator.integers(2**31)) if seeded else None
        observed, _ = self._envs[place].reset(seed=seed)
        return as_observation(observed)

    def state_dict(self) -> dict[str, Any]:
        """Returns what can be taken up again; the running episodes cannot, an env has no state to save."""
        return {"generator": self._generator.bit_generator.state, "begun": self._begun}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on with the same random numbers; every env begins a new episode, with a new seed."""
        self._generator.bit_generator.state = dict(state["generator"])
        self._begun = int(state["begun"])
        self._observations = []

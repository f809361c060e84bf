"""Measures the greedy policy, during the training and at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ding_buffer.cli.dqn_policy import DqnPolicy
from ding_buffer.cli.environments import as_observation
from ding_buffer.cli.history import RunHistory
from ding_buffer.cli.run_config import EvalSettings

_PERIODIC, _FINAL = 1, 2


def greedy_returns(policy: DqnPolicy, envs: Sequence[Any], seeds: Sequence[int]) -> list[float]:
    """Plays one episode in each env, side by side, and returns what each brought."""
    observations = [as_observation(env.reset(seed=seed)[0]) for env, seed in zip(envs, seeds, strict=True)]
    returns = [0.0] * len(envs)
    playing = list(range(len(envs)))
    while playing:
        actions = policy.greedy(np.stack([observations[place] for place in playing]))
        going_on = []
        for place, action in zip(playing, actions, strict=True):
            observed, reward, terminated, truncated, _ = envs[place].step(int(action))
            observations[place] = as_observation(observed)
            returns[place] += float(reward)
            if not (terminated or truncated):
                going_on.append(place)
        playing = going_on
    return returns


def final_seeds(seed: int, count: int) -> list[int]:
    """Returns seeds of episodes that neither the training nor a periodic evaluation has seen."""
    return _seeds(seed, _FINAL, count)


def _seeds(seed: int, purpose: int, count: int) -> list[int]:
    words = np.random.SeedSequence([seed, purpose]).generate_state(count)
    return [int(word) >> 1 for word in words]


class PeriodicEvaluation:
    """Evaluates every so many env steps and remembers the best weights.

    As a middleware it sets ``ctx.eval_value``, ``ctx.last_eval_value`` and ``ctx.last_eval_iter``.
    ``reached`` becomes true once ``settings.times`` evaluations in a row have come to ``settings.goal``.
    """

    def __init__(
        self, settings: EvalSettings, envs: Sequence[Any], policy: DqnPolicy, history: RunHistory, seed: int
    ) -> None:
        self._settings = settings
        self._envs = list(envs)[: settings.episodes]
        self._policy = policy
        self._history = history
        self._seeds = _seeds(seed, _PERIODIC, len(self._envs))
        self._next = settings.every
        self._best = -np.inf
        self.streak = 0
        self._best_weights: dict[str, Any] | None = None

    @property
    def best_weights(self) -> dict[str, Any]:
        """The weights of the best evaluation; those of this moment while there was none."""
        return self._policy.weights() if self._best_weights is None else self._best_weights

    @property
    def reached(self) -> bool:
        """Whether the goal has been reached often enough in a row."""
        return self._settings.goal is not None and self.streak >= self._settings.times

    def __call__(self, ctx: Any) -> None:
        """Evaluates if it is time to."""
        if ctx.env_step < self._next:
            return
        self._next = (ctx.env_step // self._settings.every + 1) * self._settings.every
        returns = greedy_returns(self._policy, self._envs, self._seeds)
        self._history.add_evaluation(ctx.env_step, returns)
        mean = float(np.mean(returns))
        ctx.eval_value = ctx.last_eval_value = mean
        ctx.last_eval_iter = ctx.train_iter
        goal = self._settings.goal
        self.streak = self.streak + 1 if goal is not None and mean >= goal else 0
        # Of equally good ones the later has seen more.
        if mean >= self._best:
            self._best = mean
            self._best_weights = self._policy.weights()

    def state_dict(self) -> dict[str, Any]:
        """Returns the schedule and the best result; its weights are ``best_weights``."""
        return {
            "next": self._next,
            "best": None if np.isinf(self._best) else self._best,
            "streak": self.streak,
        }

    def load_state_dict(self, state: Mapping[str, Any], best_weights: Mapping[str, Any]) -> None:
        """Takes back what ``state_dict`` returned, with the weights."""
        self._next = int(state["next"])
        self._best = -np.inf if state["best"] is None else float(state["best"])
        self.streak = int(state["streak"])
        self._best_weights = None if state["best"] is None else dict(best_weights)

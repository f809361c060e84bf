"""An env whose every true transition is known, and a loop over one such env that records them.

What it shows tells the env, the episode and the step, whatever the space it is shown in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

_BOX = spaces.Box(0, 10_000, (3,), np.float32)
_TEXT = spaces.Text(30, charset="0123456789 ")
SPACES: dict[str, spaces.Space] = {
    "box": _BOX,
    "number": spaces.Discrete(10_000_000),
    "dict": spaces.Dict(
        {"where": _BOX, "deep": spaces.Dict({"step": spaces.Discrete(1000), "bits": spaces.MultiBinary(4)})}
    ),
    "tuple": spaces.Tuple((spaces.MultiDiscrete([100, 10_000]), spaces.Tuple((_BOX,)))),
    "text": spaces.Dict({"said": _TEXT, "where": _BOX}),
}


def shown(kind: str, env: int, episode: int, step: int) -> Any:
    """What an env shows: three numbers, in this kind of space."""
    where = np.array([env, episode, step], dtype=np.float32)
    number = env * 1_000_000 + episode * 1000 + step
    bits = np.array([number >> place & 1 for place in range(4)], dtype=np.int8)
    return {
        "box": lambda: where,
        "number": lambda: np.int64(number),
        "dict": lambda: {"where": where, "deep": {"step": np.int64(step), "bits": bits}},
        "tuple": lambda: (np.array([env, episode]), (where,)),
        "text": lambda: {"said": f"{env} {episode} {step}", "where": where},
    }[kind]()


@dataclass
class CountingEnv(gymnasium.Env):
    """Episodes of the given lengths, round and round, that end in turn in the game, cut off, and both."""

    number: int
    lengths: Sequence[int]
    kind: str = "box"
    in_place: bool = False  # shows one and the same array all the time

    def __post_init__(self) -> None:
        self.observation_space = SPACES[self.kind]
        self.action_space = spaces.Discrete(1000)
        self.metadata = {"render_modes": []}
        self.episode, self.steps = -1, 0
        self.array = np.zeros(3, dtype=np.float32)

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.episode, self.steps = self.episode + 1, 0
        return self.show(), {}

    def step(self, action: Any) -> Any:
        length = self.lengths[self.episode % len(self.lengths)]
        assert self.steps < length, "stepped after the end"
        self.steps += 1
        over, how = self.steps == length, (self.number + self.episode) % 3
        reward = 1000.0 * self.episode + self.steps + action / 1024
        return self.show(), reward, over and how in (0, 2), over and how in (1, 2), {"told": self.steps}

    def show(self) -> Any:
        if self.in_place:
            self.array[:] = self.number, self.episode, self.steps
            return self.array
        return shown(self.kind, self.number, self.episode, self.steps)


def choose(kind: str, observation: Any, count: int) -> np.ndarray:
    """Returns an action for each env that depends on all it shows."""
    if kind == "number":
        return np.asarray(observation) * 7 % 1000
    if kind == "tuple":
        numbers = observation[0] @ np.array([31, 17]) + observation[1][0][..., 2] * 5
    else:
        where = observation if kind == "box" else observation["where"]
        numbers = where @ np.array([31, 17, 5])
    return np.asarray(numbers).astype(np.int64).reshape(count) % 1000


def make_envs(
    mode: Any, lengths: Sequence[Sequence[int]], kind: str = "box", workers: bool = False, **kwargs: Any
) -> Any:
    """A vector env of one CountingEnv for each entry of ``lengths``; ``workers``: a process for each."""
    in_place = kwargs.pop("in_place", False)
    made = [partial(CountingEnv, number, tuple(each), kind, in_place) for number, each in enumerate(lengths)]
    if workers:
        # Not fork: the process that runs the tests has threads.
        shared = kind != "text"
        return AsyncVectorEnv(made, shared_memory=shared, context="forkserver", autoreset_mode=mode, **kwargs)
    return SyncVectorEnv(made, autoreset_mode=mode, **kwargs)


def true_transitions(
    number: int, lengths: Sequence[int], steps: int, resets_cost_a_step: bool, kind: str = "box"
) -> Iterator[dict[str, Any]]:
    """What a loop over this env alone records while a vector env makes ``steps`` steps."""
    env = CountingEnv(number, lengths, kind)
    before, over = env.reset()[0], False
    for _ in range(steps):
        if over:
            before, over = env.reset()[0], False
            if resets_cost_a_step:
                continue
        action = choose(kind, _alone(before), 1)[0]
        after, reward, terminated, truncated, _ = env.step(action)
        yield {
            "obs": before,
            "action": action,
            "reward": reward,
            "next_obs": after,
            "terminated": terminated,
            "truncated": truncated,
            "env": number,
            "episode": env.episode,
        }
        before, over = after, terminated or truncated


def _alone(observation: Any) -> Any:
    """A batch of one observation."""
    if isinstance(observation, dict):
        return {key: _alone(part) for key, part in observation.items()}
    if isinstance(observation, tuple):
        return tuple(_alone(part) for part in observation)
    return observation if isinstance(observation, str) else np.asarray(observation)[None]


def plain(value: Any) -> Any:
    """A value without arrays, to compare: lists and Python's own numbers, with the dtype beside arrays."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(plain(part) for part in value)
    if isinstance(value, np.ndarray):
        return [value.dtype.str, value.tolist()]
    return value.item() if isinstance(value, np.generic) else value

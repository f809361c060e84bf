"""Environments that the double DQN can play."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ding_buffer.core.errors import ConfigError


@dataclass(frozen=True)
class EnvShape:
    """What a network must know of an env: the length of an observation and the number of actions."""

    observation: int
    actions: int


def make_envs(name: str, count: int) -> list[Any]:
    """Makes ``count`` gymnasium envs; raises ``ConfigError`` for an unknown name or unfit spaces."""
    import gymnasium

    try:
        envs = [gymnasium.make(name) for _ in range(count)]
    except gymnasium.error.Error as error:
        raise ConfigError(f"env: gymnasium cannot make {name!r}: {error}") from error
    env_shape(envs[0])
    return envs


def env_shape(env: Any) -> EnvShape:
    """Returns the shape of an env; raises ``ConfigError`` unless it sees a vector and acts by numbers."""
    from gymnasium.spaces import Box, Discrete

    observed, acted = env.observation_space, env.action_space
    if not isinstance(observed, Box) or len(observed.shape) != 1:
        raise ConfigError(f"env: observations must be a flat Box, such as CartPole-v1 has, not {observed}")
    if not isinstance(acted, Discrete) or acted.start != 0:
        raise ConfigError(f"env: actions must be Discrete from 0, such as CartPole-v1 has, not {acted}")
    return EnvShape(int(observed.shape[0]), int(acted.n))


def as_observation(observed: Any) -> Any:
    """Returns an observation as a float32 array of its own."""
    return np.array(observed, dtype=np.float32)

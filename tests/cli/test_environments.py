from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.cli.environments import EnvShape, as_observation, env_shape, make_envs
from ding_buffer.core.errors import ConfigError

pytest.importorskip("gymnasium")


def test_envs_are_made_by_name() -> None:
    envs = make_envs("CartPole-v1", 2)

    assert 2 == len(envs)
    assert EnvShape(observation=4, actions=2) == env_shape(envs[0])


def test_an_unknown_env_is_a_mistake_in_the_config() -> None:
    with pytest.raises(ConfigError, match=r"^env: gymnasium cannot make 'CartPol-v1'"):
        make_envs("CartPol-v1", 1)


@pytest.mark.parametrize("name", ["Pendulum-v1", "FrozenLake-v1"])
def test_an_env_whose_spaces_do_not_fit_is_refused(name) -> None:
    with pytest.raises(ConfigError, match=r"^env: (observations|actions) must be"):
        make_envs(name, 1)


def test_an_observation_is_an_array_of_its_own() -> None:
    observed = np.array([1.0, 2.0], dtype=np.float32)
    kept = as_observation(observed)
    observed[:] = 0

    assert [1.0, 2.0] == kept.tolist()
    assert np.float32 == as_observation([1, 2]).dtype

"""Rollouts in a gymnasium env, as trajectory files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ding_buffer.trajectories.from_rollouts import save_rollouts
from ding_buffer.trajectories.traj_file import load_traj_from_disk, time_in_name
from ding_buffer.trajectories.trajectory_errors import BadTrajectory


class Discrete:
    n, start = 3, 5


class Counting:
    """Shows its steps in one array that it writes over, and ends after 4 of them, or is cut off after 2."""

    action_space: Any = Discrete()

    def __init__(self, cut: bool = False) -> None:
        self.cut, self.seen = cut, np.zeros(1)
        self.seeds: list[int | None] = []
        self.spec = SimpleNamespace(id="Counting-v0")

    def reset(self, seed: int | None = None) -> Any:
        self.seeds.append(seed)
        self.seen[:] = 0
        return {"count": self.seen, "pair": (self.seen, self.seen)}, {}

    def step(self, action: Any) -> Any:
        self.seen += 1
        count = int(self.seen[0])
        shown = {"count": self.seen, "pair": (self.seen, self.seen)}
        return shown, float(action), count == 4, self.cut and count == 2, {}


def test_each_episode_is_a_file_and_what_was_cut_off_is_not_done(tmp_path: Path) -> None:
    for cut, steps in ((False, 4), (True, 2)):
        env = Counting(cut)
        names = save_rollouts(env, lambda obs: 5 + int(obs["count"][0]) % 3, tmp_path, episodes=2, seed=7)
        made: Any = load_traj_from_disk(names[1])

        assert [7, None] == env.seeds
        assert 2 == len(names)
        assert {"count", "pair/0", "pair/1"} == made.obs.keys()
        assert list(range(steps + 1)) == made.obs["count"][:, 0].tolist()
        assert [5, 6, 7, 5][:steps] == made.rews[:, 0].tolist()
        assert [0, 1, 2, 0][:steps] == made.actions.argmax(axis=1).tolist()
        assert [False] * (steps - 1) + [not cut] == made.dones[:, 0].tolist()
        assert Path(names[0]).name.startswith("Counting-v0_")
        assert time_in_name(names[0]) is not None


def test_the_number_of_steps_can_be_limited_and_a_policy_is_reset(tmp_path: Path) -> None:
    class Policy:
        resets = 0

        def reset(self) -> None:
            self.resets += 1

        def __call__(self, obs: Any) -> int:
            return 5

    policy = Policy()
    names = save_rollouts(
        Counting(), policy, tmp_path, episodes=3, max_steps=1, env_name="x", save_as="npz-compressed"
    )

    assert [1, 1, 1] == [len(load_traj_from_disk(name)) for name in names]
    assert 3 == policy.resets


def test_an_env_of_gymnasium_with_real_actions(tmp_path: Path) -> None:
    gymnasium = pytest.importorskip("gymnasium")
    env = gymnasium.make("Pendulum-v1", max_episode_steps=5)
    (name,) = save_rollouts(env, lambda obs: np.array([0.5]), tmp_path, seed=0)
    made: Any = load_traj_from_disk(name)

    assert (6, 3) == made.obs["observation"].shape
    assert np.float32 == made.obs["observation"].dtype
    assert [[0.5]] * 5 == made.actions.tolist()
    assert not made.dones.any()


@pytest.mark.parametrize("wrong", [{"episodes": 0}, {"max_steps": 0}])
def test_wrong_settings_are_told(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be an int of at least 1"):
        save_rollouts(Counting(), lambda obs: 5, tmp_path, **wrong)


def test_actions_of_several_parts_are_told(tmp_path: Path) -> None:
    env = Counting()
    env.action_space = None
    env.step = lambda action: Counting.step(env, action["a"])  # type: ignore[method-assign]

    with pytest.raises(BadTrajectory, match="Actions must be one array"):
        save_rollouts(env, lambda obs: {"a": 5}, tmp_path)
    assert [] == list(tmp_path.iterdir())

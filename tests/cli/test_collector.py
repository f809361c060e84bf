from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from ding_buffer.cli.collector import Collector
from ding_buffer.cli.history import RunHistory
from ding_buffer.cli.run_config import CollectSettings
from ding_buffer.learners.context import OnlineRLContext


class Corridor:
    """Ends in the game after `terminal` steps, or is cut off after `limit`; sees the number of the step."""

    def __init__(self, terminal: int = 10**9, limit: int = 10**9) -> None:
        self.action_space = SimpleNamespace(n=2)
        self.terminal, self.limit = terminal, limit
        self.seeds: list[int | None] = []

    def reset(self, seed: int | None = None):
        self.seeds.append(seed)
        self.step_number = 0
        return [0.0], {}

    def step(self, action: int):
        self.step_number += 1
        seen = [float(self.step_number)]
        return seen, 1.0, self.step_number >= self.terminal, self.step_number >= self.limit, {}


class AlwaysOne:
    def greedy(self, observations):
        return np.ones(len(observations), dtype=np.int64)


def collector(envs, steps=4, history=None, seed=0, **settings) -> Collector:
    chosen = CollectSettings(envs=len(envs), steps=steps, **settings)
    generator = np.random.default_rng(seed)
    return Collector(chosen, envs, AlwaysOne(), history or RunHistory(), generator)  # type: ignore[arg-type]


def collected(collect, ctx=None) -> Any:
    ctx = ctx or OnlineRLContext()
    collect(ctx)
    return ctx


def test_transitions_come_env_after_env_with_the_place_of_each_last_one() -> None:
    ctx = collected(collector([Corridor(), Corridor()], steps=3))

    assert [0, 0, 0, 1, 1, 1] == [step["env_data_id"] for step in ctx.trajectories]
    assert [0.0, 1.0, 2.0] * 2 == [step["obs"].item() for step in ctx.trajectories]
    assert [1.0, 2.0, 3.0] * 2 == [step["next_obs"].item() for step in ctx.trajectories]
    assert [2, 5] == ctx.trajectory_end_idx
    assert 6 == ctx.env_step


def test_the_end_of_the_game_and_a_cut_are_kept_apart() -> None:
    over = collected(collector([Corridor(terminal=2)], steps=2)).trajectories[-1]
    cut = collected(collector([Corridor(limit=2)], steps=2)).trajectories[-1]

    assert (True, False) == (over["done"], over["truncated"])
    assert (False, True) == (cut["done"], cut["truncated"])
    assert 2.0 == cut["next_obs"].item()


def test_an_episode_that_ends_is_noted_and_the_next_has_a_number_of_its_own() -> None:
    history = RunHistory()
    ctx = collected(collector([Corridor(terminal=3)], steps=5, history=history))

    assert [0, 0, 0, 1, 1] == [step["env_data_id"] for step in ctx.trajectories]
    assert [(3, 3.0)] == history.episodes
    assert 1 == ctx.env_episode
    assert 0.0 == ctx.trajectories[3]["obs"].item()


def test_an_episode_goes_on_over_the_end_of_a_round() -> None:
    collect = collector([Corridor()], steps=2)
    ctx = collected(collect)
    collected(collect, ctx)

    assert [2.0, 3.0] == [step["obs"].item() for step in ctx.trajectories]


def test_curiosity_falls_in_a_straight_line_to_its_end() -> None:
    collect = collector([Corridor()], epsilon_start=1.0, epsilon_end=0.2, epsilon_steps=100)

    assert [1.0, 0.6, 0.2, 0.2] == pytest.approx([collect.epsilon(step) for step in (0, 50, 100, 900)])


@pytest.mark.parametrize(("epsilon", "share"), [(0.0, 1.0), (1.0, 0.5)])
def test_without_curiosity_the_network_decides(epsilon, share) -> None:
    collect = collector([Corridor()], steps=400, epsilon_start=epsilon, epsilon_end=epsilon)
    actions = [step["action"] for step in collected(collect).trajectories]

    assert share == pytest.approx(np.mean(actions), abs=0.1)


def test_a_restored_collector_draws_on_and_begins_new_episodes() -> None:
    collect = collector([Corridor()], steps=8)
    ctx = collected(collect)
    state = collect.state_dict()
    env = Corridor()
    restored = collector([env], steps=8, seed=99)
    restored.load_state_dict(state)
    again = collected(restored, OnlineRLContext(env_step=ctx.env_step))

    assert [1] * 8 == [step["env_data_id"] for step in again.trajectories]
    assert [None] != env.seeds
    assert state != restored.state_dict()
    twin = collector([Corridor()], steps=8, seed=7)
    twin.load_state_dict(state)
    same = collected(twin, OnlineRLContext(env_step=ctx.env_step))
    assert [step["action"] for step in again.trajectories] == [step["action"] for step in same.trajectories]

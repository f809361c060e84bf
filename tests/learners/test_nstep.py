from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.errors import BadArgument, ConfigError, MissingPayloadField
from ding_buffer.core.payload_fields import field_of
from ding_buffer.learners.context import OnlineRLContext
from ding_buffer.learners.learner_errors import MissingContextField
from ding_buffer.learners.nstep import nstep_reward_enhancer


def config(nstep: int = 3, gamma: float = 0.5) -> dict[str, Any]:
    return {"policy": {"nstep": nstep, "discount_factor": gamma}}


def episode(
    rewards: list[float], done: bool = True, truncated: bool = False, **fields: Any
) -> list[dict[str, Any]]:
    last = len(rewards) - 1
    return [
        {
            "obs": place,
            "next_obs": place + 1,
            "reward": reward,
            "done": done and place == last,
            "truncated": truncated and place == last,
            **fields,
        }
        for place, reward in enumerate(rewards)
    ]


def enhanced(
    steps: list[Any], ends: list[int] | None = None, nstep: int = 3, gamma: float = 0.5
) -> list[Any]:
    ctx = OnlineRLContext(trajectories=steps, trajectory_end_idx=ends or [])
    nstep_reward_enhancer(config(nstep, gamma))(ctx)
    assert ctx.trajectories is not None
    return ctx.trajectories


def rewards(steps: list[Any]) -> list[list[float]]:
    return [step["reward"].tolist() for step in steps]


def test_w16_the_terminal_reward_is_in_and_nothing_of_the_next_episode() -> None:
    steps = enhanced(episode([1.0, 2.0, 3.0, 100.0]) + episode([10.0, 20.0]))

    expected = [[1, 2, 3], [2, 3, 100], [3, 100, 0], [100, 0, 0], [10, 20, 0], [20, 0, 0]]
    assert expected == rewards(steps)
    assert [0.125, 0.125, 0.25, 0.5, 0.25, 0.5] == [step["value_gamma"].item() for step in steps]


def test_w16_next_obs_and_done_are_those_of_the_last_step_of_the_window() -> None:
    steps = enhanced(episode([1.0, 2.0, 3.0, 100.0]))

    assert [3, 4, 4, 4] == [step["next_obs"] for step in steps]
    assert [False, True, True, True] == [step["done"] for step in steps]
    assert [0, 1, 2, 3] == [step["obs"] for step in steps]


def test_a_truncated_episode_bootstraps_from_its_last_next_obs() -> None:
    steps = enhanced(episode([1.0, 2.0], done=False, truncated=True) + episode([5.0]))

    assert [[1, 2, 0], [2, 0, 0], [5, 0, 0]] == rewards(steps)
    assert [(2, False, True), (2, False, True)] == [
        (step["next_obs"], step["done"], step["truncated"]) for step in steps[:2]
    ]


def test_w16_windows_end_at_the_end_of_the_steps_of_an_env() -> None:
    steps = enhanced(episode([1.0, 2.0], done=False) + episode([10.0, 20.0], done=False), ends=[1, 3])

    assert [[1, 2, 0], [2, 0, 0], [10, 20, 0], [20, 0, 0]] == rewards(steps)
    assert [2, 2, 2, 2] == [step["next_obs"] for step in steps]


def test_windows_stay_within_their_env_data_id() -> None:
    steps = enhanced(
        episode([1.0, 2.0], False, env_data_id=7) + episode([10.0], False, env_data_id=np.array([8]))
    )

    assert [[1, 2, 0], [2, 0, 0], [10, 0, 0]] == rewards(steps)


def test_steps_of_several_envs_may_be_interleaved() -> None:
    one, two = episode([1.0, 2.0, 3.0], env_data_id=0), episode([10.0, 20.0, 30.0], env_data_id=1)
    steps = enhanced([step for pair in zip(one, two, strict=True) for step in pair], nstep=2)

    assert [[1, 2], [10, 20], [2, 3], [20, 30], [3, 0], [30, 0]] == rewards(steps)


def test_the_callers_transitions_stay_as_they_are() -> None:
    steps = episode([1.0, 2.0])
    enhanced(steps)

    assert episode([1.0, 2.0]) == steps


def test_one_step_windows_change_nothing_but_the_shape() -> None:
    steps = enhanced(episode([1.0, 2.0]), nstep=1, gamma=0.75)

    assert [[1], [2]] == rewards(steps)
    assert [1, 2] == [step["next_obs"] for step in steps]
    assert [0.75, 0.75] == [step["value_gamma"].item() for step in steps]


@pytest.mark.parametrize("shape", [(), (1,)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_array_rewards_keep_their_dtype(shape: tuple[int, ...], dtype: Any) -> None:
    steps = episode([1.0, 2.0])
    for step in steps:
        step["reward"] = np.full(shape, step["reward"], dtype=dtype)
    first = enhanced(steps)[0]

    assert ((3,), dtype) == (first["reward"].shape, first["reward"].dtype)
    assert ((1,), np.float32) == (first["value_gamma"].shape, first["value_gamma"].dtype)


@pytest.mark.parametrize("shape", [(), (1,)])
def test_tensor_rewards_stay_tensors(shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    steps: list[Any] = [
        SimpleNamespace(reward=torch.full(shape, 1.0), next_obs=torch.ones(2), done=torch.tensor([False])),
        SimpleNamespace(reward=torch.full(shape, 2.0), next_obs=torch.zeros(2), done=torch.tensor([True])),
    ]
    first = enhanced(steps)[0]

    assert torch.equal(torch.tensor([1.0, 2.0, 0.0]), first.reward)
    assert torch.equal(torch.tensor([0.25]), first.value_gamma)
    assert torch.equal(torch.zeros(2), first.next_obs)
    assert shape == tuple(steps[0].reward.shape)


def test_a_transition_may_lack_next_obs_but_not_done() -> None:
    assert "next_obs" not in enhanced([{"reward": 1.0, "done": True}])[0]
    with pytest.raises(MissingPayloadField, match="'done'"):
        enhanced([{"reward": 1.0, "truncated": True}])


def test_an_empty_collection_stays_empty() -> None:
    assert [] == enhanced([])


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(MissingContextField, match="trajectories"):
        nstep_reward_enhancer(config())(OnlineRLContext())
    with pytest.raises(ConfigError, match="nstep"):
        nstep_reward_enhancer(config(nstep=0))
    with pytest.raises(ConfigError, match="discount_factor"):
        nstep_reward_enhancer(config(gamma=1.5))
    with pytest.raises(BadArgument, match="a reward is one number"):
        enhanced([{"reward": np.zeros(2), "done": True}])


@st.composite
def collections(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[int]]:
    """Steps of one to three envs as a collector hands them over, and the index of the last of each env."""
    per_env: list[list[dict[str, Any]]] = []
    for env in range(draw(st.integers(1, 3))):
        kinds = draw(st.lists(st.sampled_from(["on", "on", "done", "truncated"]), max_size=12))
        per_env.append(
            [
                {
                    "reward": float(draw(st.integers(-8, 8))),
                    "next_obs": (env, place + 1),
                    "done": kind == "done",
                    "truncated": kind == "truncated",
                    "who": (env, place),
                }
                for place, kind in enumerate(kinds)
            ]
        )
    ends = [sum(len(own) for own in per_env[: number + 1]) - 1 for number in range(len(per_env))]
    return [step for own in per_env for step in own], ends


def window_by_definition(
    start: dict[str, Any], steps: list[dict[str, Any]], nstep: int
) -> list[dict[str, Any]]:
    """Returns the steps from ``start`` on in the same env and episode, ``nstep`` at most."""
    env, place = start["who"]
    window = []
    for offset in range(nstep):
        here = [step for step in steps if step["who"] == (env, place + offset)]
        if not here:
            break
        window += here
        if here[0]["done"] or here[0]["truncated"]:
            break
    return window


@given(collections(), st.integers(1, 5), st.sampled_from(["concatenated", "by id", "interleaved"]))
def test_windows_are_those_of_the_definition(
    collected: tuple[list[dict[str, Any]], list[int]], nstep: int, layout: str
) -> None:
    steps, ends = collected
    if layout != "concatenated":
        steps, ends = [{**step, "env_data_id": step["who"][0]} for step in steps], []
    if layout == "interleaved":
        steps.sort(key=lambda step: step["who"][1])
    result = enhanced(steps, ends, nstep, gamma=0.5)

    assert [step["who"] for step in steps] == [step["who"] for step in result]
    for before, after in zip(steps, result, strict=True):
        window = window_by_definition(before, steps, nstep)
        padded = [step["reward"] for step in window] + [0.0] * (nstep - len(window))
        assert padded == after["reward"].tolist()
        assert [0.5 ** len(window)] == after["value_gamma"].tolist()
        for name in ("next_obs", "done", "truncated"):
            assert window[-1][name] == field_of(after, name)

"""Hindsight: what happened becomes the goal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ding_buffer.testing.distribution import surprise
from ding_buffer.trajectories.frozen_traj import FrozenTraj
from ding_buffer.trajectories.hindsight_relabeler import HindsightRelabeler
from ding_buffer.trajectories.timestep import Timestep
from ding_buffer.trajectories.trajectory import Trajectory
from ding_buffer.trajectories.trajectory_errors import BadTrajectory
from tests.trajectories.made import frozen_traj, same

STEPS = 6


def walk(steps: int = STEPS) -> FrozenTraj:
    """At moment t the position is t; the goal lies where nobody comes."""
    traj = frozen_traj(steps)
    traj.obs = {"position": traj.obs["x"], "goal": np.full((steps + 1, 1), 99.0)}
    traj.rews = np.full((steps, 1), -1.0, np.float32)
    return traj


def position(obs: dict[str, Any]) -> Any:
    return obs["position"]


def reached(achieved: Any, goal: Any) -> Any:
    return (achieved == goal).all(axis=-1)


def relabeler(strategy: str = "future", **more: Any) -> HindsightRelabeler:
    settings = {"probability": 1.0, "seed": 0, **more}
    return HindsightRelabeler(position, reached, strategy, **settings)


def naive_rewards(traj: Any) -> list[float]:
    return [float(traj.obs["position"][t + 1, 0] == traj.obs["goal"][t, 0]) for t in range(len(traj))]


def test_final_makes_the_end_the_goal_of_all() -> None:
    made = relabeler("final")(walk())

    assert [STEPS] * (STEPS + 1) == made.obs["goal"][:, 0].tolist()
    assert [0, 0, 0, 0, 0, 1] == made.rews[:, 0].tolist()


def test_episode_makes_one_moment_the_goal_of_all_each_as_often() -> None:
    relabel, counts = relabeler("episode"), np.zeros(STEPS + 1)
    for _ in range(5000):
        made = relabel(walk())
        (goal,) = set(made.obs["goal"][:, 0].tolist())
        counts[int(goal)] += 1
        assert naive_rewards(made) == made.rews[:, 0].tolist()

    assert 0 == counts[0]
    assert surprise(counts[1:], np.full(STEPS, 5000 / STEPS)) < 4


def test_future_goals_lie_ahead_and_change_only_where_one_is_reached() -> None:
    relabel = relabeler("future")
    for _ in range(500):
        made = relabel(walk())
        goals, positions = made.obs["goal"][:, 0], made.obs["position"][:, 0]
        assert (goals[:-1] > positions[:-1]).all()
        changes = np.flatnonzero(goals[1:] != goals[:-1]) + 1
        assert goals[changes - 1].tolist() == positions[changes].tolist()
        assert naive_rewards(made) == made.rews[:, 0].tolist()
        assert 1 == made.rews[-1, 0]


def test_every_later_moment_is_the_first_future_goal_as_often() -> None:
    relabel = relabeler("future")
    first = np.bincount([int(relabel(walk()).obs["goal"][0, 0]) for _ in range(6000)], minlength=STEPS + 1)

    assert surprise(first[1:], np.full(STEPS, 6000 / STEPS)) < 4
    # The test sees a future that leaves the end out.
    shifted = np.append(first[1:-2], [first[-2] + first[-1], 0])
    assert surprise(shifted, np.full(STEPS, 6000 / STEPS)) > 10


def test_the_rewards_before_each_moment_follow() -> None:
    given = walk()
    given.rl2s[0] = [7, 8, 9]  # a piece of a longer rollout
    made = relabeler("final")(given)

    assert [7, 8, 9] == made.rl2s[0].tolist()
    assert made.rews[:, 0].tolist() == made.rl2s[1:, 0].tolist()
    assert given.rl2s[1:, 1:].tolist() == made.rl2s[1:, 1:].tolist()
    assert made.rews.dtype == made.rl2s.dtype == np.float32


def test_flags_of_ends_change_only_when_a_function_says_how() -> None:
    given = walk()

    assert given.dones.tolist() == relabeler("final")(given).dones.tolist()
    done = relabeler("episode", done=reached)(given)
    assert done.rews.astype(bool).tolist() == done.dones.tolist()
    assert np.bool_ == done.dones.dtype


@pytest.mark.parametrize("strategy", ["final", "future", "episode"])
def test_what_is_given_stays_as_it_is(strategy: str) -> None:
    given, before = walk(), walk()
    relabeler(strategy, done=reached)(given)

    assert same(before, given)


def test_it_relabels_with_a_probability() -> None:
    relabel, given = relabeler("final", probability=0.3), walk()
    left = sum(relabel(given) is given for _ in range(4000))

    assert pytest.approx(0.7, abs=0.03) == left / 4000
    assert relabeler(probability=0.0)(given) is given


def test_without_a_transition_nothing_was_reached() -> None:
    given = walk(0)

    assert relabeler("episode")(given) is given


def test_a_goal_that_was_reached_is_equal_to_what_was_reached_in_its_own_precision() -> None:
    given = walk()
    given.obs["goal"] = given.obs["goal"].astype(np.float32)
    made = HindsightRelabeler(
        lambda obs: obs["position"] / 3.0 + np.float64(0.1), reached, "final", probability=1.0
    )(given)

    assert [0, 0, 0, 0, 0, 1] == made.rews[:, 0].tolist()
    assert np.float32 == made.obs["goal"].dtype


def test_a_recorded_trajectory_is_relabelled_too() -> None:
    steps = [
        Timestep(
            {"position": np.full((1, 1), time), "goal": np.full((1, 1), 9)},
            np.zeros((1, 1)),
            np.zeros(1),
            np.full(1, time),
            np.zeros(1, bool),
        )
        for time in range(4)
    ]
    made = relabeler("final")(Trajectory(steps))

    assert [[3], [3], [3], [3]] == made.obs["goal"].tolist()
    assert [[0], [0], [1]] == made.rews.tolist()


def test_a_seed_repeats_the_goals() -> None:
    one, other = relabeler(seed=4), relabeler(seed=4)

    assert all(same(one(walk()), other(walk())) for _ in range(20))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"strategy": "past"}, "strategy must be one of final"), ({"probability": 2.0}, "probability must be")],
)
def test_wrong_settings_are_told(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        relabeler(**settings)


def test_functions_that_do_not_fit_are_told() -> None:
    with pytest.raises(BadTrajectory, match=r"go to obs\['target'\], which has to be there"):
        relabeler(goal_key="target")(walk())
    with pytest.raises(BadTrajectory, match="The goals reached, of shape \\(2,\\)"):
        HindsightRelabeler(lambda obs: [1, 2], reached, probability=1.0)(walk())
    with pytest.raises(BadTrajectory, match="reward must give 6 values"):
        HindsightRelabeler(position, lambda achieved, goal: [1.0], probability=1.0)(walk())

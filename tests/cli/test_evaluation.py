from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from ding_buffer.cli.evaluation import PeriodicEvaluation, final_seeds, greedy_returns
from ding_buffer.cli.history import RunHistory
from ding_buffer.cli.run_config import EvalSettings
from ding_buffer.learners.context import OnlineRLContext


class Countdown:
    """An episode as long as its policy says at the moment; remembers its seeds."""

    def __init__(self, policy: Knob) -> None:
        self.policy = policy
        self.seeds: list[int] = []

    def reset(self, seed: int):
        self.seeds.append(seed)
        self.left = self.policy.length
        return [0.0], {}

    def step(self, action: int):
        self.left -= 1
        return [0.0], 1.0, self.left == 0, False, {}


class Knob:
    """Stands for a policy whose skill is a number."""

    length = 1

    def greedy(self, observations):
        return np.zeros(len(observations), dtype=np.int64)

    def weights(self):
        return {"skill": self.length}


def periodic(policy, history=None, **settings) -> PeriodicEvaluation:
    envs = [Countdown(policy) for _ in range(3)]
    chosen = EvalSettings(every=100, episodes=2, **settings)
    return PeriodicEvaluation(chosen, envs, policy, history or RunHistory(), seed=0)


def evaluate(evaluation, policy, lengths, first=100) -> None:
    for number, length in enumerate(lengths):
        policy.length = length
        evaluation(OnlineRLContext(env_step=first + 100 * number))


def test_every_env_plays_one_episode_to_its_end() -> None:
    policy = Knob()
    envs = [Countdown(policy), Countdown(policy)]
    policy.length = 4

    assert [4.0, 4.0] == greedy_returns(policy, envs, [5, 6])  # type: ignore[arg-type]
    assert [[5], [6]] == [env.seeds for env in envs]


def test_it_evaluates_once_in_each_stretch() -> None:
    policy, history = Knob(), RunHistory()
    evaluation = periodic(policy, history)
    for env_step in (64, 128, 192, 256, 320):
        ctx = OnlineRLContext(env_step=env_step, train_iter=env_step // 2)
        evaluation(ctx)

    assert [128, 256, 320] == [row[0] for row in history.evaluations]
    assert (1.0, 160) == (ctx.last_eval_value, ctx.last_eval_iter)


def test_the_goal_must_be_reached_several_times_in_a_row() -> None:
    policy = Knob()
    evaluation = periodic(policy, goal=5, times=2)
    reached = []
    for number, length in enumerate([5, 4, 6, 5]):
        evaluate(evaluation, policy, [length], first=100 + 100 * number)
        reached.append(evaluation.reached)

    assert [False, False, False, True] == reached


def test_without_a_goal_nothing_is_ever_enough() -> None:
    policy = Knob()
    evaluation = periodic(policy)
    evaluate(evaluation, policy, [500, 500, 500])

    assert not evaluation.reached


def test_the_best_weights_are_kept_the_latest_of_equals() -> None:
    policy = Knob()
    evaluation = periodic(policy)
    policy.length = 9
    assert {"skill": 9} == evaluation.best_weights

    evaluate(evaluation, policy, [3, 7, 2])
    assert {"skill": 7} == evaluation.best_weights


def test_a_restored_evaluation_goes_on_with_streak_schedule_and_best() -> None:
    policy = Knob()
    evaluation = periodic(policy, goal=5, times=2)
    evaluate(evaluation, policy, [6])
    restored = periodic(policy, goal=5, times=2)
    restored.load_state_dict(evaluation.state_dict(), evaluation.best_weights)

    restored(OnlineRLContext(env_step=150))
    assert not restored.reached
    evaluate(restored, policy, [5], first=200)
    assert restored.reached
    assert {"skill": 6} == restored.best_weights


def test_an_evaluation_restored_before_its_first_has_no_best_yet() -> None:
    policy = Knob()
    restored = periodic(policy)
    restored.load_state_dict(periodic(policy).state_dict(), {"skill": 0})
    policy.length = 8

    assert {"skill": 8} == restored.best_weights


def test_the_final_episodes_are_fresh_and_the_same_for_a_seed() -> None:
    policy = Knob()
    evaluation = periodic(policy)
    evaluate(evaluation, policy, [1])
    used = {seed for env in evaluation._envs for seed in env.seeds}

    assert final_seeds(0, 20) == final_seeds(0, 20)
    assert 20 == len(set(final_seeds(0, 20)) - used)
    assert final_seeds(0, 20) != final_seeds(1, 20)

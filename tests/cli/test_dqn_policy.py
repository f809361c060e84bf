from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from ding_buffer.cli.dqn_policy import DqnPolicy
from ding_buffer.cli.environments import EnvShape
from ding_buffer.cli.run_config import LearnSettings

LEARN = LearnSettings(nstep=2, discount_factor=0.5, lr=0.01, lr_end=0.001, target_rate=0.25)


@pytest.fixture
def policy() -> DqnPolicy:
    torch.manual_seed(0)
    return DqnPolicy(EnvShape(observation=3, actions=2), [8], LEARN)


def transition(reward=(1.0, 1.0), done=False, value_gamma=0.25, **fields):
    return {
        "obs": np.ones(3, dtype=np.float32),
        "next_obs": np.full(3, 2.0, dtype=np.float32),
        "action": 1,
        "reward": np.array(reward, dtype=np.float32),
        "done": done,
        "value_gamma": np.array([value_gamma], dtype=np.float32),
        **fields,
    }


def value(network, observation) -> list[float]:
    with torch.no_grad():
        return network(torch.from_numpy(observation)).tolist()


def test_greedy_takes_the_action_of_the_highest_value(policy) -> None:
    seen = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)

    assert [int(np.argmax(value(policy.online, row))) for row in seen] == policy.greedy(seen).tolist()


def test_the_priority_is_the_error_against_the_double_nstep_target(policy) -> None:
    with torch.no_grad():
        for weight in policy.target.parameters():
            weight.mul_(-1.5)
    step = transition(reward=(1.0, 3.0))
    best = int(np.argmax(value(policy.online, step["next_obs"])))
    target = 1.0 + 0.5 * 3.0 + 0.25 * value(policy.target, step["next_obs"])[best]
    error = abs(value(policy.online, step["obs"])[1] - target)

    assert policy.forward([step])["priority"] == pytest.approx([error + 1e-3], rel=1e-5)


def test_nothing_is_expected_after_the_end_and_something_after_a_cut(policy) -> None:
    over, cut = transition(done=True), transition(done=False, truncated=True)
    before = value(policy.online, over["obs"])[1]
    priorities = policy.forward([over, cut])["priority"]

    assert priorities[0] == pytest.approx(abs(before - 1.5) + 1e-3, rel=1e-5)
    assert priorities[0] != pytest.approx(priorities[1])


def test_an_error_counts_as_much_as_its_weight_says(policy) -> None:
    weight = np.array([0.5], dtype=np.float32)
    plain = DqnPolicy(EnvShape(3, 2), [8], LEARN)
    plain.load_state_dict(policy.state_dict())

    halved = policy.forward([transition(priority_IS=weight)])["total_loss"]
    assert plain.forward([transition()])["total_loss"] / 2 == pytest.approx(halved)


def test_training_on_one_transition_brings_its_error_down(policy) -> None:
    losses = [policy.forward([transition(done=True)])["total_loss"] for _ in range(60)]

    assert losses[-1] < losses[0] / 100


def test_the_target_follows_slowly(policy) -> None:
    before = policy.target.state_dict()["0.weight"].clone()
    policy.forward([transition()])
    after, online = policy.target.state_dict()["0.weight"], policy.online.state_dict()["0.weight"]

    torch.testing.assert_close(before + 0.25 * (online - before), after)


def test_the_learning_rate_falls_in_a_straight_line(policy) -> None:
    rates = []
    for done in (0.0, 0.5, 1.0, 2.0):
        policy.set_progress(done)
        rates.append(policy.state_dict()["optimizer"]["param_groups"][0]["lr"])

    assert rates == pytest.approx([0.01, 0.0055, 0.001, 0.001])


def test_a_restored_policy_learns_on_as_the_saved_one(policy) -> None:
    policy.forward([transition()])
    other = DqnPolicy(EnvShape(3, 2), [8], LEARN)
    other.load_state_dict(policy.state_dict())

    for _ in range(3):
        assert policy.forward([transition()])["total_loss"] == other.forward([transition()])["total_loss"]


def test_weights_are_a_copy(policy) -> None:
    kept = policy.weights()
    policy.forward([transition()])

    assert not torch.equal(kept["0.weight"], policy.online.state_dict()["0.weight"])

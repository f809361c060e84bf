"""The defects of DI-engine 0.5.3's pipeline around a buffer, each by its number, and that ours lacks them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from easydict import EasyDict

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import BadQuery
from ding_buffer.learners.context import OnlineRLContext
from ding_buffer.learners.estimated_reward import reward_estimator
from ding_buffer.learners.fetcher import offpolicy_data_fetcher
from ding_buffer.learners.nstep import nstep_reward_enhancer
from ding_buffer.learners.offpolicy_learner import OffPolicyLearner
from ding_buffer.learners.task_loop import task
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay


def config(batch_size: int = 8, unroll_len: int = 1, update_per_collect: int = 1, **policy: Any) -> EasyDict:
    learn = {"batch_size": batch_size, "update_per_collect": update_per_collect}
    return EasyDict(policy={"learn": learn, "collect": {"unroll_len": unroll_len}, **policy})


class Policy:
    """Trains nothing and gives every payload, or window, of its n-th batch the priority n."""

    def __init__(self) -> None:
        self.batches: list[Any] = []

    def forward(self, batch: Any) -> dict[str, Any]:
        self.batches.append(batch)
        return {"total_loss": 0.0, "priority": [float(len(self.batches))] * len(batch)}


class Updates(Middleware):
    """Counts what passes."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def update(self, chain, index, data=None, meta=None):
        there = chain(index, data=data, meta=meta)
        self.calls.append((len(index), int(np.count_nonzero(there))))
        return there


def test_w4_the_priorities_of_every_batch_arrive() -> None:
    """Of the serial 'deque' wrapper: see test_worker_defects.py. Its 250 iterations of 8, by our learner."""
    updates, policy = Updates(), Policy()
    buffer = DequeBuffer(100, seed=0).use(updates, PriorityExperienceReplay())
    buffer.extend([{"obs": number} for number in range(100)])

    with task.start(ctx=OnlineRLContext()):
        task.use(OffPolicyLearner(config(), policy, buffer))
        task.run(max_step=250)

    assert [(8, 8)] * 250 == updates.calls
    assert 2000 == sum(there for _, there in updates.calls)
    expected = dict.fromkeys(range(100), 1.0)
    for number, batch in enumerate(policy.batches, 1):
        expected.update({step["obs"]: float(number) for step in batch})
    assert expected == {item.data["obs"]: item.meta["priority"] for item in buffer}


def windows_of(policy: Policy) -> list[list[int]]:
    return [[step["obs"] for step in window] for batch in policy.batches for window in batch]


def test_w6_windows_by_priority_train_from_the_first_iteration() -> None:
    policy = Policy()
    buffer = DequeBuffer(100, seed=0).use(PriorityExperienceReplay())
    buffer.extend([{"obs": number} for number in range(60)], meta={"env": [n // 10 for n in range(60)]})

    with task.start(ctx=OnlineRLContext()):
        task.use(OffPolicyLearner(config(unroll_len=4), policy, buffer))
        task.run(max_step=20)
        assert 20 == task.ctx.train_iter

    assert all(window == list(range(window[0], window[0] + 4)) for window in windows_of(policy))
    assert all(window[0] // 10 == window[-1] // 10 for window in windows_of(policy))
    assert len({item.meta["priority"] for item in buffer}) > 5


def test_w6_a_loaded_buffer_with_priorities_trains(tmp_path) -> None:
    saved = DequeBuffer(20, seed=0).use(PriorityExperienceReplay())
    saved.extend([{"obs": number} for number in range(20)])
    saved.save_data(tmp_path / "file")
    buffer, policy = DequeBuffer(20, seed=0).use(PriorityExperienceReplay()), Policy()
    buffer.load_data(tmp_path / "file")

    OffPolicyLearner(config(), policy, buffer)(OnlineRLContext())

    assert [8] == [len(batch) for batch in policy.batches]


@pytest.mark.parametrize("share", [0.0, 0.01])
def test_w6_a_share_too_small_for_one_item_stops_nothing(share) -> None:
    large, small = (DequeBuffer(20, seed=0) for _ in range(2))
    large.extend([{"obs": number} for number in range(20)])
    small.extend([{"obs": -1}] * 20)
    policy = Policy()

    OffPolicyLearner(config(), policy, [(large, 1.0 - share), (small, share)])(OnlineRLContext())

    assert [8] == [len(batch) for batch in policy.batches]


def test_w6_an_error_is_not_taken_for_a_shortage() -> None:
    def broken(action, chain, *args, **kwargs):
        if action == "sample":
            raise BadQuery("these arguments contradict each other")
        return chain(*args, **kwargs)

    buffer = DequeBuffer(20, seed=0).use(broken)
    buffer.extend([{"obs": number} for number in range(20)])
    ctx = OnlineRLContext()

    with pytest.raises(AssertionError, match="contradict"):
        next(offpolicy_data_fetcher(config(), buffer)(ctx))


GAMMA = 0.5


def enhanced(steps: list[dict[str, Any]], nstep: int, ends: list[int]) -> list[dict[str, Any]]:
    ctx = OnlineRLContext(trajectories=steps, trajectory_end_idx=ends)
    nstep_reward_enhancer(config(nstep=nstep, discount_factor=GAMMA))(ctx)
    assert ctx.trajectories is not None
    return ctx.trajectories


def steps_of(env: int, rewards: list[float], done_at: tuple[int, ...] = ()) -> list[dict[str, Any]]:
    made = []
    for place, reward in enumerate(rewards):
        fields = {"reward": np.array([reward], dtype=np.float32), "done": place in done_at}
        made.append({"obs": (env, place), "next_obs": (env, place + 1), **fields})
    return made


def test_w16_a_window_holds_all_its_rewards_the_terminal_one_too() -> None:
    made = enhanced(steps_of(0, [1.0, 2.0, 4.0, 8.0], done_at=(3,)), 3, [3])

    assert [[1, 2, 4], [2, 4, 8], [4, 8, 0], [8, 0, 0]] == [step["reward"].tolist() for step in made]


def test_w16_no_window_reaches_into_the_next_episode() -> None:
    made = enhanced(steps_of(0, [1.0, 2.0, 100.0, 200.0], done_at=(1, 3)), 3, [3])

    assert [[1, 2, 0], [2, 0, 0], [100, 200, 0], [200, 0, 0]] == [step["reward"].tolist() for step in made]
    assert [True] * 4 == [step["done"] for step in made]


def test_w16_no_window_reaches_into_another_env() -> None:
    made = enhanced([*steps_of(0, [1.0, 2.0]), *steps_of(1, [100.0, 200.0])], 3, [1, 3])

    assert [[1, 2, 0], [2, 0, 0], [100, 200, 0], [200, 0, 0]] == [step["reward"].tolist() for step in made]


def test_w16_next_obs_and_discount_belong_to_the_end_of_the_window() -> None:
    made = enhanced(steps_of(0, [1.0, 2.0, 4.0, 8.0], done_at=(3,)), 3, [3])

    assert [(0, 3), (0, 4), (0, 4), (0, 4)] == [step["next_obs"] for step in made]
    assert [GAMMA**3, GAMMA**3, GAMMA**2, GAMMA] == [float(step["value_gamma"][0]) for step in made]
    assert [False, True, True, True] == [step["done"] for step in made]


class ReturnsACopy:
    """A reward model like DI-engine's RND: it hands back a new batch."""

    def estimate(self, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**step, "reward": step["reward"] + 10.0} for step in batch]


class ChangesInPlace:
    def estimate(self, batch: list[dict[str, Any]]) -> None:
        for place, step in enumerate(batch):
            batch[place] = {**step, "reward": step["reward"] + 10.0}


@pytest.mark.parametrize("model", [ReturnsACopy(), ChangesInPlace()], ids=lambda model: type(model).__name__)
def test_w17_the_estimated_reward_reaches_training(model) -> None:
    policy = Policy()
    buffer = DequeBuffer(20, seed=0)
    buffer.extend([{"reward": 1.0} for _ in range(20)])
    ctx = OnlineRLContext(train_data=[{"reward": 1.0}])

    reward_estimator(config(), model)(ctx)
    OffPolicyLearner(config(), policy, buffer, reward_model=model)(OnlineRLContext())

    assert [{"reward": 11.0}] == ctx.train_data
    assert [[11.0] * 8] == [[step["reward"] for step in batch] for batch in policy.batches]
    assert [1.0] * 20 == [item.data["reward"] for item in buffer]

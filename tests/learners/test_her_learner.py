from __future__ import annotations

from typing import Any

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.learners.context import OnlineRLContext
from ding_buffer.learners.her_learner import HERLearner

CFG = {"policy": {"learn": {"batch_size": 2, "update_per_collect": 3}}}


class Policy:
    def __init__(self) -> None:
        self.sizes: list[int] = []

    def forward(self, batch: list[Any]) -> dict[str, float]:
        self.sizes.append(len(batch))
        return {"total_loss": 0.0}


class Same:
    episode_size = None

    def estimate(self, episode: list[Any]) -> list[list[Any]]:
        return [episode]


def test_it_trains_on_relabelled_episodes_as_often_as_configured() -> None:
    buffer = DequeBuffer(size=10, seed=0)
    buffer.extend([[{"step": step} for step in range(4)] for _ in range(5)])
    policy, ctx = Policy(), OnlineRLContext()
    HERLearner(CFG, policy, buffer, Same())(ctx)

    assert [8, 8, 8] == policy.sizes
    assert 3 == ctx.train_iter
    assert 3 == len(ctx.train_output)


def test_it_waits_for_enough_episodes() -> None:
    policy, ctx = Policy(), OnlineRLContext()
    HERLearner(CFG, policy, DequeBuffer(size=10), Same())(ctx)

    assert ([], []) == (policy.sizes, ctx.train_output)

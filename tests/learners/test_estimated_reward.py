from __future__ import annotations

from typing import Any

from ding_buffer.learners.context import OnlineRLContext
from ding_buffer.learners.estimated_reward import reward_estimator


class Curious:
    def __init__(self, in_place: bool) -> None:
        self.in_place = in_place

    def estimate(self, batch: list[dict[str, float]]) -> Any:
        if self.in_place:
            for step in batch:
                step["reward"] += 1
            return None
        return [{**step, "reward": step["reward"] + 1} for step in batch]


def test_w17_a_returned_batch_reaches_training_and_the_stored_one_stays() -> None:
    stored = [{"reward": 1.0}]
    ctx = OnlineRLContext(train_data=stored)
    reward_estimator(None, Curious(in_place=False))(ctx)

    assert [{"reward": 2.0}] == ctx.train_data
    assert [{"reward": 1.0}] == stored


def test_a_model_that_returns_nothing_has_worked_in_place() -> None:
    ctx = OnlineRLContext(train_data=[{"reward": 1.0}])
    reward_estimator(None, Curious(in_place=True))(ctx)

    assert [{"reward": 2.0}] == ctx.train_data


def test_nothing_is_estimated_while_waiting_for_data() -> None:
    ctx = OnlineRLContext()
    reward_estimator(None, None)(ctx)

    assert ctx.train_data is None

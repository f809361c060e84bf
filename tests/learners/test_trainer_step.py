from __future__ import annotations

from typing import Any

import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.learners.context import OnlineRLContext
from ding_buffer.learners.trainer_step import trainer

ROOM = "ding_buffer.learners.trainer_step"


class Policy:
    def __init__(self, output: Any) -> None:
        self.output = output
        self.batches: list[Any] = []

    def forward(self, batch: Any) -> Any:
        self.batches.append(batch)
        return self.output


def test_a_step_fills_the_output_and_counts() -> None:
    policy = Policy({"total_loss": 0.5})
    ctx = OnlineRLContext(train_data=["batch"], train_iter=4)
    trainer(None, policy)(ctx)

    assert [["batch"]] == policy.batches
    assert {"total_loss": 0.5} == ctx.train_output
    assert 5 == ctx.train_iter


def test_no_data_no_step() -> None:
    ctx = OnlineRLContext()
    trainer(None, Policy({}))(ctx)

    assert 0 == ctx.train_iter
    assert ctx.train_output is None


@pytest.mark.parametrize("output", [{"total_loss": 0.5}, [{"total_loss": 0.25}, {"total_loss": 0.75}]])
def test_the_mean_loss_is_logged_every_so_often(output: Any, caplog: pytest.LogCaptureFixture) -> None:
    train = trainer(None, Policy(output), log_freq=2)
    ctx = OnlineRLContext(train_data=[1], env_step=8)
    with caplog.at_level("INFO", ROOM):
        for _ in range(4):
            train(ctx)

    assert [f"train_iter {n}, env_step 8: loss 0.5" for n in (0, 2)] == caplog.messages


@pytest.mark.parametrize("output", [None, {"priority": [1.0]}, []])
def test_a_policy_may_give_no_loss(output: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", ROOM):
        trainer(None, Policy(output))(OnlineRLContext(train_data=[1]))

    assert [] == caplog.messages


def test_a_log_frequency_of_zero_is_refused() -> None:
    with pytest.raises(BadArgument, match="log_freq"):
        trainer(None, Policy({}), log_freq=0)

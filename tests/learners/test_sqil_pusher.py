from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from easydict import EasyDict

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.payload_fields import field_of
from ding_buffer.learners.context import OnlineRLContext
from ding_buffer.learners.learner_errors import MissingContextField
from ding_buffer.learners.sqil_pusher import sqil_data_pusher


@pytest.mark.parametrize("expert", [True, False])
@pytest.mark.parametrize("make", [dict, EasyDict, SimpleNamespace])
@pytest.mark.parametrize("reward", [0.25, 3, np.array([0.25], dtype=np.float32), [0.5]])
def test_the_reward_is_one_for_the_expert_and_zero_for_the_learner(
    expert: bool, make: Any, reward: Any
) -> None:
    buffer = DequeBuffer(size=10)
    step = make(obs=1, reward=reward)
    sqil_data_pusher(None, buffer, expert=expert)(OnlineRLContext(trajectories=[step]))
    pushed = field_of(buffer[0].data, "reward")

    assert float(expert) == np.asarray(pushed).reshape(-1)[0]
    assert type(reward) is type(pushed)
    assert reward == field_of(step, "reward"), "the caller's transition keeps its reward"


def test_tensor_rewards_stay_tensors() -> None:
    torch = pytest.importorskip("torch")
    buffer = DequeBuffer(size=10)
    step = {"reward": torch.tensor([0.25])}
    ctx = OnlineRLContext(trajectories=[step])
    sqil_data_pusher(None, buffer, expert=True)(ctx)

    assert torch.equal(torch.ones(1), buffer[0].data["reward"])
    assert torch.equal(torch.tensor([0.25]), step["reward"])
    assert ctx.trajectories is None


def test_two_pushers_of_the_same_steps_do_not_disturb_each_other() -> None:
    own, expert = DequeBuffer(size=10), DequeBuffer(size=10)
    steps = [{"reward": 0.5}]
    sqil_data_pusher(None, own, expert=False)(OnlineRLContext(trajectories=steps))
    sqil_data_pusher(None, expert, expert=True)(OnlineRLContext(trajectories=steps))

    assert (0.0, 1.0) == (own[0].data["reward"], expert[0].data["reward"])


def test_no_trajectories_are_refused() -> None:
    with pytest.raises(MissingContextField, match="trajectories"):
        sqil_data_pusher(None, DequeBuffer(size=10), expert=True)(OnlineRLContext())

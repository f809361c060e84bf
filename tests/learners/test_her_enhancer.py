from __future__ import annotations

from typing import Any

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.learners.context import OnlineRLContext
from ding_buffer.learners.her_enhancer import her_data_enhancer

CFG = {"policy": {"learn": {"batch_size": 2}}}


class Twice:
    """Returns an episode as it is and once relabelled."""

    def __init__(self, episode_size: int | None = None) -> None:
        self.episode_size = episode_size

    def estimate(self, episode: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        return [episode, [{**step, "reward": 1.0} for step in episode]]


def holding(episodes: int) -> DequeBuffer:
    buffer = DequeBuffer(size=10, seed=0)
    buffer.extend(
        [[{"env": env, "step": step, "reward": 0.0} for step in range(3)] for env in range(episodes)]
    )
    return buffer


@pytest.mark.parametrize(("episode_size", "drawn"), [(None, 2), (1, 1), (4, 4)])
def test_the_batch_is_every_step_of_every_relabelled_episode(episode_size: int | None, drawn: int) -> None:
    ctx = OnlineRLContext()
    her_data_enhancer(CFG, holding(5), Twice(episode_size))(ctx)

    assert drawn * 2 * 3 == len(ctx.train_data)
    assert [0, 1, 2] * (drawn * 2) == [step["step"] for step in ctx.train_data]
    assert [0.0, 0.0, 0.0, 1.0, 1.0, 1.0] * drawn == [step["reward"] for step in ctx.train_data]


def test_too_few_episodes_are_waited_for_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    fetch = her_data_enhancer(CFG, holding(1), Twice())
    ctx = OnlineRLContext()
    for _ in range(3):
        fetch(ctx)

    assert ctx.train_data is None
    assert 1 == len(caplog.messages)


def test_an_error_of_the_model_is_no_shortage() -> None:
    class Broken(Twice):
        def estimate(self, episode: Any) -> Any:
            raise AssertionError("goal has the wrong shape")

    with pytest.raises(AssertionError, match="goal has the wrong shape"):
        her_data_enhancer(CFG, holding(5), Broken())(OnlineRLContext())

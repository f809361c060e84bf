from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.learners.context import Context, OnlineRLContext
from ding_buffer.learners.learner_errors import MissingContextField, MissingPayloadField
from ding_buffer.learners.pusher import data_pusher


def test_trajectories_go_in_item_by_item_and_leave_the_context() -> None:
    buffer = DequeBuffer(size=10)
    steps = [{"obs": place} for place in range(3)]
    ctx = OnlineRLContext(trajectories=steps)
    data_pusher(None, buffer)(ctx)

    assert steps == [item.data for item in buffer]
    assert [{}, {}, {}] == [item.meta for item in buffer]
    assert ctx.trajectories is None


def test_episodes_go_in_whole_if_there_are_no_trajectories() -> None:
    buffer = DequeBuffer(size=10)
    ctx = OnlineRLContext(episodes=[[{"obs": 0}, {"obs": 1}], [{"obs": 2}]])
    data_pusher(None, buffer, group_by_env=True)(ctx)

    assert [2, 1] == [len(item.data) for item in buffer]
    assert ctx.episodes is None


@pytest.mark.parametrize("env", [5, np.int64(5), np.array([5])])
@pytest.mark.parametrize("make", [dict, SimpleNamespace])
def test_the_env_of_a_transition_becomes_its_group(env: Any, make: Any) -> None:
    buffer = DequeBuffer(size=10)
    data_pusher(None, buffer, group_by_env=True)(OnlineRLContext(trajectories=[make(env_data_id=env)]))

    assert [{"env": 5}] == [item.meta for item in buffer]
    assert int is type(buffer[0].meta["env"])


def test_a_transition_without_an_env_is_refused_when_grouping() -> None:
    with pytest.raises(MissingPayloadField, match="env_data_id"):
        data_pusher(None, DequeBuffer(size=10), group_by_env=True)(OnlineRLContext(trajectories=[{"obs": 1}]))


@pytest.mark.parametrize("ctx", [OnlineRLContext(), Context()])
def test_a_context_with_nothing_to_push_is_refused(ctx: Any) -> None:
    with pytest.raises(MissingContextField, match="both None"):
        data_pusher(None, DequeBuffer(size=10))(ctx)


def test_a_collection_of_no_steps_is_fine() -> None:
    buffer = DequeBuffer(size=10)
    ctx = OnlineRLContext(trajectories=[])
    data_pusher(None, buffer)(ctx)

    assert 0 == len(buffer)
    assert ctx.trajectories is None


def test_a_priority_travels_as_meta_without_touching_the_transition() -> None:
    buffer = DequeBuffer(size=10)
    step = {"obs": 1, "priority": np.float32(0.5)}
    data_pusher(None, buffer)(OnlineRLContext(trajectories=[step]))

    assert {"obs": 1} == buffer[0].data
    assert {"priority": 0.5} == buffer[0].meta
    assert "priority" in step


def test_further_meta_comes_from_a_function_of_context_and_transition() -> None:
    buffer = DequeBuffer(size=10)
    known = data_pusher(
        None, buffer, meta=lambda ctx, step: {"train_iter_data_collected": ctx.train_iter, "obs": step["obs"]}
    )
    known(OnlineRLContext(trajectories=[{"obs": 4}], train_iter=17))

    assert {"train_iter_data_collected": 17, "obs": 4} == buffer[0].meta

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import MissingPayloadField
from ding_buffer.learners.context import Context, OnlineRLContext
from ding_buffer.learners.learner_errors import MissingContextField
from ding_buffer.learners.pusher import data_pusher
from ding_buffer.middleware.stale import staleness_check


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


def test_a_buffer_whose_layers_need_the_iteration_is_told_it_and_no_other() -> None:
    stale, plain = DequeBuffer(size=10).use(staleness_check(max_staleness=3)), DequeBuffer(size=10)
    for buffer in (stale, plain):
        push = data_pusher(None, buffer)
        push(OnlineRLContext(trajectories=[{"obs": 1}, {"obs": 2}], train_iter=17))
        push(OnlineRLContext(episodes=[[{"obs": 3}]], train_iter=18))

    assert [17, 17, 18] == [item.meta["train_iter_data_collected"] for item in stale]
    assert [{}, {}, {}] == [item.meta for item in plain]
    assert [{"obs": 1}, {"obs": 2}, [{"obs": 3}]] == [item.data for item in stale]


def test_the_iteration_goes_along_with_the_group_and_the_priority() -> None:
    buffer = DequeBuffer(size=10).use(staleness_check())
    step = {"env_data_id": 5, "priority": 0.5}
    data_pusher(None, buffer, group_by_env=True)(OnlineRLContext(trajectories=[step], train_iter=17))

    assert {"env": 5, "priority": 0.5, "train_iter_data_collected": 17} == buffer[0].meta


def test_what_the_function_says_of_the_iteration_goes_before_what_is_told() -> None:
    buffer = DequeBuffer(size=10).use(staleness_check())
    push = data_pusher(None, buffer, meta=lambda ctx, step: {"train_iter_data_collected": step["born"]})
    push(OnlineRLContext(trajectories=[{"born": 3}], train_iter=17))

    assert {"train_iter_data_collected": 3} == buffer[0].meta


def test_a_layer_used_after_the_pusher_was_made_is_told_too() -> None:
    buffer = DequeBuffer(size=10)
    push = data_pusher(None, buffer)
    buffer.use(staleness_check())
    push(OnlineRLContext(trajectories=[{"obs": 1}], train_iter=17))

    assert {"train_iter_data_collected": 17} == buffer[0].meta


def test_a_need_that_a_pusher_knows_nothing_of_is_left_to_the_function() -> None:
    class Needs(Middleware):
        needs = ("origin",)

    buffer = DequeBuffer(size=10).use(Needs())
    data_pusher(None, buffer)(OnlineRLContext(trajectories=[{"obs": 1}]))
    data_pusher(None, buffer, meta=lambda *_: {"origin": "here"})(OnlineRLContext(trajectories=[{"obs": 2}]))

    assert [{}, {"origin": "here"}] == [item.meta for item in buffer]


def test_a_buffer_that_does_not_say_what_it_needs_is_told_nothing() -> None:
    class Elsewhere:
        def __init__(self) -> None:
            self.pushed: list[Any] = []

        def push(self, data: Any, meta: Any = None) -> None:
            self.pushed.append((data, meta))

    buffer = Elsewhere()
    data_pusher(None, buffer)(OnlineRLContext(trajectories=[{"obs": 1}]))  # type: ignore[arg-type]

    assert [({"obs": 1}, {})] == buffer.pushed

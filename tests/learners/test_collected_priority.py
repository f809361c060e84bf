from __future__ import annotations

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadPriority
from ding_buffer.learners.collected_priority import priority_calculator
from ding_buffer.learners.context import OnlineRLContext
from ding_buffer.learners.pusher import data_pusher


def test_each_transition_gets_its_priority_and_the_callers_stay_as_they_are() -> None:
    steps = [{"obs": 1}, {"obs": 2}]
    ctx = OnlineRLContext(trajectories=steps)
    priority_calculator(lambda steps: [step["obs"] / 2 for step in steps])(ctx)

    assert [{"obs": 1, "priority": 0.5}, {"obs": 2, "priority": 1.0}] == ctx.trajectories
    assert [{"obs": 1}, {"obs": 2}] == steps


def test_the_priority_reaches_the_meta_of_the_item() -> None:
    buffer = DequeBuffer(size=10)
    ctx = OnlineRLContext(trajectories=[{"obs": 1}])
    priority_calculator(lambda steps: [0.75])(ctx)
    data_pusher(None, buffer)(ctx)

    assert ({"obs": 1}, {"priority": 0.75}) == (buffer[0].data, buffer[0].meta)


def test_a_wrong_number_of_priorities_is_refused() -> None:
    with pytest.raises(BadPriority, match="1 priorities were calculated for 2 transitions"):
        priority_calculator(lambda steps: [1.0])(OnlineRLContext(trajectories=[{}, {}]))

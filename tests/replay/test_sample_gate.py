from __future__ import annotations

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, NotEnoughItems
from ding_buffer.replay.sample_gate import SampleGate
from ding_buffer.replay.thruput_controller import ThruputController
from ding_buffer.structures.clock import ManualClock


def test_a_batch_needs_so_many_times_its_size_in_the_buffer() -> None:
    buffer = DequeBuffer(8).use(SampleGate(1.5, None))
    buffer.extend([1, 2])
    with pytest.raises(NotEnoughItems, match=r"2 items are held and 2 asked for\. .* 1.5 times as many"):
        buffer.sample(2)
    with pytest.raises(BadArgument, match="size must be an int, got '2'"):
        buffer.sample("2")
    buffer.push(3)

    assert 2 == len(buffer.sample(2))


def test_the_controller_has_a_say_and_its_reason_is_told() -> None:
    control = ThruputController({"push_sample_rate_limit": {"min": 2}}, clock=ManualClock())
    buffer = DequeBuffer(8).use(SampleGate(1, control))
    buffer.extend([1, 2, 3])
    control.history_push_count += 3
    with pytest.raises(NotEnoughItems, match="limit_min"):
        buffer.sample(2)

    assert 1 == len(buffer.sample(1))

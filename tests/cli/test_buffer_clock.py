from __future__ import annotations

import itertools

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.cli.buffer_clock import BufferClock
from ding_buffer.core.errors import NotEnoughItems


def test_it_adds_up_the_time_of_pushes_samples_and_updates():
    clock = BufferClock(itertools.count().__next__)
    buffer = DequeBuffer(4, seed=0).use(clock)
    item = buffer.push(1)
    buffer.extend([2, 3])
    buffer.sample(2)
    buffer.update(item.index, meta={"priority": 1.0})

    assert 4 == clock.seconds
    assert [1, 2, 3] == [held.data for held in buffer]


def test_what_fails_took_time_too():
    clock = BufferClock(itertools.count().__next__)
    with pytest.raises(NotEnoughItems):
        DequeBuffer(4).use(clock).sample(2)

    assert 1 == clock.seconds

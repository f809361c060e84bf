"""Buffers that draw by priority to test with."""

from __future__ import annotations

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay

PRIORITIES = [0.0, 0.5, 1.0, 3.0, 10.0]


def buffer_with(
    layer: PriorityExperienceReplay, priorities=PRIORITIES, size: int | None = None
) -> DequeBuffer:
    buffer = DequeBuffer(size or len(priorities), seed=0).use(layer)
    for number, priority in enumerate(priorities):
        buffer.push(number, meta={"priority": priority})
    return buffer


def weights_of(batch) -> dict:
    return {item.data: item.meta["priority_IS"] for item in batch}

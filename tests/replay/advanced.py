"""Prioritised worker buffers to test with."""

from __future__ import annotations

from typing import Any

from ding_buffer.replay.advanced_buffer import AdvancedReplayBuffer
from ding_buffer.structures.clock import ManualClock


def made(capacity: int = 8, clock: Any = None, **cfg: Any) -> AdvancedReplayBuffer:
    cfg = {"replay_buffer_size": capacity, "seed": 0, **cfg}
    return AdvancedReplayBuffer(cfg, None, "experiment", "mine", clock=clock or ManualClock())


def feedback(batch: Any, priorities: Any) -> dict[str, Any]:
    keys = ("replay_unique_id", "replay_buffer_idx")
    return {**{key: [data[key] for data in batch] for key in keys}, "priority": priorities}


def priorities(buffer: AdvancedReplayBuffer) -> list[float]:
    return [item.meta["priority"] for item in buffer.buffer]

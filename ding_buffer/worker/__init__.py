"""The names under which DI-engine's users import a worker buffer: ``from ding_buffer.worker import ...``."""

from __future__ import annotations

from ding_buffer.worker.replay_buffer import (
    AdvancedReplayBuffer,
    DequeBufferWrapper,
    ElasticReplayBuffer,
    EpisodeReplayBuffer,
    IBuffer,
    NaiveReplayBuffer,
    PeriodicThruputMonitor,
    SampledDataAttrMonitor,
    SequenceReplayBuffer,
    ThruputController,
    UsedDataRemover,
    create_buffer,
    generate_id,
    get_buffer_cls,
)

__all__ = [
    "AdvancedReplayBuffer",
    "DequeBufferWrapper",
    "ElasticReplayBuffer",
    "EpisodeReplayBuffer",
    "IBuffer",
    "NaiveReplayBuffer",
    "PeriodicThruputMonitor",
    "SampledDataAttrMonitor",
    "SequenceReplayBuffer",
    "ThruputController",
    "UsedDataRemover",
    "create_buffer",
    "generate_id",
    "get_buffer_cls",
]

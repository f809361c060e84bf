"""The names of ``ding.worker.replay_buffer``: its buffers, what belongs to them, and what makes them."""

from __future__ import annotations

from ding_buffer.config.create import create_buffer, get_buffer_cls
from ding_buffer.replay.advanced_buffer import AdvancedReplayBuffer
from ding_buffer.replay.attr_monitor import SampledDataAttrMonitor
from ding_buffer.replay.deque_wrapper import DequeBufferWrapper
from ding_buffer.replay.elastic_buffer import ElasticReplayBuffer
from ding_buffer.replay.episode_buffer import EpisodeReplayBuffer
from ding_buffer.replay.identity import generate_id
from ding_buffer.replay.interface import IBuffer
from ding_buffer.replay.naive_buffer import NaiveReplayBuffer
from ding_buffer.replay.sequence_buffer import SequenceReplayBuffer
from ding_buffer.replay.thruput_controller import ThruputController
from ding_buffer.replay.thruput_monitor import PeriodicThruputMonitor
from ding_buffer.replay.used_data_remover import UsedDataRemover

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

"""DI-engine's worker buffers as faces of ``DequeBuffer`` and layers, and what belongs to them.

::

    from ding_buffer.replay import AdvancedReplayBuffer

    with AdvancedReplayBuffer({"replay_buffer_size": 4096, "max_use": 8}) as buffer:
        buffer.push(transitions, cur_collector_envstep=envstep)          # a list of dicts
        batch = buffer.sample(64, cur_learner_iter=iteration)            # a list of dicts, or None
        buffer.update({"replay_buffer_idx": [...], "replay_unique_id": [...], "priority": [...]})

``ding_buffer.create_buffer`` and ``get_buffer_cls`` make them from a config.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "AdvancedReplayBuffer": "advanced_buffer",
    "DequeBufferWrapper": "deque_wrapper",
    "ElasticReplayBuffer": "elastic_buffer",
    "EpisodeReplayBuffer": "episode_buffer",
    "IBuffer": "interface",
    "NaiveReplayBuffer": "naive_buffer",
    "PeriodicThruputMonitor": "thruput_monitor",
    "SampledDataAttrMonitor": "attr_monitor",
    "SequenceReplayBuffer": "sequence_buffer",
    "ThruputController": "thruput_controller",
    "UsedDataRemover": "used_data_remover",
    "generate_id": "identity",
}

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
    "generate_id",
]


def __getattr__(name: str) -> Any:
    """Imports what is asked for, when it is first asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"ding_buffer.replay.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""The names a config can use: buffer types, layers, storages.

Ready-made names, with the other spellings that are accepted:

========  ===========================  =========================
kind      name                         also
========  ===========================  =========================
type      ``deque``                    ``DequeBuffer``
type      ``naive``                    ``NaiveReplayBuffer``
type      ``elastic``                  ``ElasticReplayBuffer``
type      ``sequence``                 ``SequenceReplayBuffer``
type      ``episode``                  ``EpisodeReplayBuffer``
type      ``advanced``                 ``AdvancedReplayBuffer``
type      ``deque_wrapper``            ``DequeBufferWrapper``
layer     ``PriorityExperienceReplay`` ``per``
layer     ``clone_object``             ``clone``
layer     ``group_sample``             ``group``
layer     ``use_time_check``           ``use_limit``
layer     ``staleness_check``          ``staleness``
layer     ``sample_range_view``        ``range_view``
layer     ``padding``                  ``pad``
layer     ``n_step``                   ``nstep``
layer     ``sequence``                 ``sequences``
layer     ``track_removed``            ``removals``
layer     ``rate_limit``               ``rate_limiter``
layer     ``monitor``                  ``metrics``
layer     ``random_replacement``       ``replacement``
layer     ``reservoir``                ``reservoir_sampling``
storage   ``object``                   ``ObjectStorage``
storage   ``column``                   ``ColumnStorage``
storage   ``memmap``                   ``MemmapStorage``
storage   ``shared``                   ``SharedStorage``
========  ===========================  =========================

A user adds names with the decorators below, or, from an installed distribution, with entry points in the
groups ``ding_buffer.buffers``, ``ding_buffer.layers`` and ``ding_buffer.storages``. The settings of an entry
are the parameters of its factory; nothing else has to be written down. A buffer class whose constructor takes
one config has a class method ``from_settings`` that takes its keys one by one, and ``default_config``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ding_buffer.config.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from ding_buffer.config.registry import FactoryT

BUFFERS = Registry(
    "buffer type",
    "ding_buffer.buffers",
    shipped={
        "deque": "ding_buffer.buffers.deque_buffer:DequeBuffer",
        "naive": "ding_buffer.replay.naive_buffer:NaiveReplayBuffer",
        "elastic": "ding_buffer.replay.elastic_buffer:ElasticReplayBuffer",
        "sequence": "ding_buffer.replay.sequence_buffer:SequenceReplayBuffer",
        "episode": "ding_buffer.replay.episode_buffer:EpisodeReplayBuffer",
        "advanced": "ding_buffer.replay.advanced_buffer:AdvancedReplayBuffer",
        "deque_wrapper": "ding_buffer.replay.deque_wrapper:DequeBufferWrapper",
    },
    aliases={
        "DequeBuffer": "deque",
        "NaiveReplayBuffer": "naive",
        "ElasticReplayBuffer": "elastic",
        "SequenceReplayBuffer": "sequence",
        "EpisodeReplayBuffer": "episode",
        "AdvancedReplayBuffer": "advanced",
        "DequeBufferWrapper": "deque_wrapper",
    },
)
LAYERS = Registry(
    "layer",
    "ding_buffer.layers",
    shipped={
        "PriorityExperienceReplay": "ding_buffer.middleware.prioritized_replay:PriorityExperienceReplay",
        "clone_object": "ding_buffer.middleware.clone:clone_object",
        "group_sample": "ding_buffer.middleware.group_sampling:group_sample",
        "use_time_check": "ding_buffer.middleware.use_count:use_time_check",
        "staleness_check": "ding_buffer.middleware.stale:staleness_check",
        "sample_range_view": "ding_buffer.middleware.range_view:sample_range_view",
        "padding": "ding_buffer.middleware.pad:padding",
        "n_step": "ding_buffer.middleware.n_steps:n_step",
        "sequence": "ding_buffer.middleware.sequences:sequence",
        "track_removed": "ding_buffer.middleware.removals:track_removed",
        "rate_limit": "ding_buffer.middleware.rate_limits:rate_limit",
        "monitor": "ding_buffer.middleware.monitoring:monitor",
        "random_replacement": "ding_buffer.middleware.replacement:random_replacement",
        "reservoir": "ding_buffer.middleware.reservoir_sampling:reservoir",
    },
    aliases={
        "per": "PriorityExperienceReplay",
        "clone": "clone_object",
        "group": "group_sample",
        "use_limit": "use_time_check",
        "staleness": "staleness_check",
        "range_view": "sample_range_view",
        "pad": "padding",
        "nstep": "n_step",
        "sequences": "sequence",
        "removals": "track_removed",
        "rate_limiter": "rate_limit",
        "metrics": "monitor",
        "replacement": "random_replacement",
        "reservoir_sampling": "reservoir",
    },
)
STORAGES = Registry(
    "storage",
    "ding_buffer.storages",
    shipped={
        "object": "ding_buffer.storages.object_storage:ObjectStorage",
        "column": "ding_buffer.storages.column_storage:ColumnStorage",
        "memmap": "ding_buffer.storages.memmap_storage:MemmapStorage",
        "shared": "ding_buffer.storages.shared_storage:SharedStorage",
    },
    aliases={
        "ObjectStorage": "object",
        "ColumnStorage": "column",
        "MemmapStorage": "memmap",
        "SharedStorage": "shared",
    },
)


def register_buffer(name: str, *, force: bool = False) -> Callable[[FactoryT], FactoryT]:
    """Enters a buffer type: a class, or a function returning a buffer. ``force`` replaces a taken name."""
    return BUFFERS.register(name, force=force)


def register_layer(name: str, *, force: bool = False) -> Callable[[FactoryT], FactoryT]:
    """Enters a layer: a class, or a function returning the middleware; not the middleware itself.

    A parameter called ``buffer`` or ``buffer_`` is no setting: it is given the buffer if it has no default,
    else it is left to ``bind``.
    """
    return LAYERS.register(name, force=force)


def register_storage(name: str, *, force: bool = False) -> Callable[[FactoryT], FactoryT]:
    """Enters a storage: a class, or a function returning one. Its ``capacity`` is the buffer's ``size``."""
    return STORAGES.register(name, force=force)

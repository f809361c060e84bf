"""Layers around the five actions of a buffer, one file each."""

from __future__ import annotations

from ding_buffer.middleware.clone import clone_object
from ding_buffer.middleware.group_sampling import group_sample
from ding_buffer.middleware.monitoring import monitor
from ding_buffer.middleware.n_steps import n_step
from ding_buffer.middleware.pad import padding
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.range_view import sample_range_view
from ding_buffer.middleware.rate_limits import rate_limit
from ding_buffer.middleware.removals import track_removed
from ding_buffer.middleware.replacement import random_replacement
from ding_buffer.middleware.reservoir_sampling import reservoir
from ding_buffer.middleware.sequences import sequence
from ding_buffer.middleware.stale import staleness_check
from ding_buffer.middleware.use_count import use_time_check

__all__ = [
    "PriorityExperienceReplay",
    "clone_object",
    "group_sample",
    "monitor",
    "n_step",
    "padding",
    "random_replacement",
    "rate_limit",
    "reservoir",
    "sample_range_view",
    "sequence",
    "staleness_check",
    "track_removed",
    "use_time_check",
]

"""The names of ``ding.framework.middleware`` that have to do with a buffer."""

from __future__ import annotations

from ding_buffer.learners.collected_priority import priority_calculator
from ding_buffer.learners.estimated_reward import reward_estimator
from ding_buffer.learners.fetcher import offpolicy_data_fetcher
from ding_buffer.learners.her_enhancer import her_data_enhancer
from ding_buffer.learners.her_learner import HERLearner
from ding_buffer.learners.nstep import nstep_reward_enhancer
from ding_buffer.learners.offpolicy_learner import OffPolicyLearner
from ding_buffer.learners.pusher import data_pusher
from ding_buffer.learners.saver import buffer_saver
from ding_buffer.learners.sqil_pusher import sqil_data_pusher
from ding_buffer.learners.trainer_step import trainer

__all__ = [
    "HERLearner",
    "OffPolicyLearner",
    "buffer_saver",
    "data_pusher",
    "her_data_enhancer",
    "nstep_reward_enhancer",
    "offpolicy_data_fetcher",
    "priority_calculator",
    "reward_estimator",
    "sqil_data_pusher",
    "trainer",
]

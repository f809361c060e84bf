"""The learner of hindsight experience replay."""

from __future__ import annotations

from typing import Any

from ding_buffer.core.buffer import Buffer
from ding_buffer.learners.her_enhancer import her_data_enhancer
from ding_buffer.learners.setting_path import count_setting
from ding_buffer.learners.sources import Query
from ding_buffer.learners.trainer_step import trainer


class HERLearner:
    """Trains ``cfg.policy.learn.update_per_collect`` times per iteration, on relabelled episodes.

    ``ctx.train_output`` ends as the list of all outputs. Priorities do not flow back: a relabelled transition
    is no item of the buffer.
    """

    def __init__(
        self,
        cfg: Any,
        policy: Any,
        buffer_: Buffer,
        her_reward_model: Any,
        log_freq: int = 100,
        *,
        min_size: int | None = None,
        query: Query | None = None,
    ) -> None:
        self.cfg = cfg
        self._fetch = her_data_enhancer(cfg, buffer_, her_reward_model, min_size=min_size, query=query)
        self._train = trainer(cfg, policy, log_freq)
        count_setting(cfg, "policy.learn.update_per_collect")

    def __call__(self, ctx: Any) -> None:
        """Runs the training steps of one iteration."""
        outputs: list[Any] = []
        for _ in range(count_setting(self.cfg, "policy.learn.update_per_collect")):
            self._fetch(ctx)
            if ctx.train_data is None:
                break
            self._train(ctx)
            outputs.append(ctx.train_output)
        ctx.train_output = outputs

"""The learner of off-policy training: fetches, trains, and gives priorities back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ding_buffer.learners.estimated_reward import reward_estimator
from ding_buffer.learners.fetcher import offpolicy_data_fetcher
from ding_buffer.learners.halves import first_half, second_half
from ding_buffer.learners.setting_path import count_setting
from ding_buffer.learners.sources import Buffers, Query
from ding_buffer.learners.trainer_step import trainer


class OffPolicyLearner:
    """Trains ``cfg.policy.learn.update_per_collect`` times per iteration, each time on a batch of its own.

    ``policy.forward`` gets a list of payloads (for the other forms see ``offpolicy_data_fetcher``) and
    returns a dict, or a list of dicts; its ``"priority"`` goes to the items of that batch before the next one
    is drawn. ``ctx.train_output`` ends as the list of all outputs, empty while the buffer waits for more
    data. ``min_size`` and ``query`` are those of ``offpolicy_data_fetcher``.
    """

    def __init__(
        self,
        cfg: Any,
        policy: Any,
        buffer_: Buffers,
        reward_model: Any = None,
        log_freq: int = 100,
        *,
        min_size: int | None = None,
        query: Query | None = None,
    ) -> None:
        self.cfg = cfg
        self._fetch = offpolicy_data_fetcher(cfg, buffer_, min_size=min_size, query=query)
        self._train = trainer(cfg, policy, log_freq)
        self._estimate = None if reward_model is None else reward_estimator(cfg, reward_model)
        count_setting(cfg, "policy.learn.update_per_collect")

    def __call__(self, ctx: Any) -> None:
        """Runs the training steps of one iteration."""
        outputs: list[Any] = []
        for _ in range(count_setting(self.cfg, "policy.learn.update_per_collect")):
            fetched = first_half(self._fetch, ctx)
            if fetched is None:
                break
            try:
                if self._estimate is not None:
                    self._estimate(ctx)
                self._train(ctx)
                outputs.append(ctx.train_output)
                if isinstance(ctx.train_output, Sequence):
                    # The fetcher takes the last output off the list it finds.
                    ctx.train_output = list(ctx.train_output)
                second_half(fetched)
            finally:
                fetched.close()
        ctx.train_output = outputs

"""One training step of a policy."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ding_buffer.core.payload_fields import plain_scalar
from ding_buffer.learners.setting_path import positive_count

_LOG = logging.getLogger(__name__)


def trainer(cfg: Any, policy: Any, log_freq: int = 100) -> Callable[[Any], None]:
    """Makes the middleware that trains: ``ctx.train_output = policy.forward(ctx.train_data)``.

    Nothing happens while ``ctx.train_data`` is None. ``ctx.train_iter`` counts the steps; every ``log_freq``
    of them the mean of ``total_loss`` is logged, if the policy gives one. ``cfg`` is not read.
    """
    every = positive_count(log_freq, "log_freq")

    def train(ctx: Any) -> None:
        if ctx.train_data is None:
            return
        output = policy.forward(ctx.train_data)
        if ctx.train_iter % every == 0:
            loss = _mean_loss(output)
            if loss is not None:
                _LOG.info(
                    "train_iter %d, env_step %s: loss %.4g",
                    ctx.train_iter,
                    getattr(ctx, "env_step", "-"),
                    loss,
                )
        ctx.train_iter += 1
        ctx.train_output = output

    return train


def _mean_loss(output: Any) -> float | None:
    steps = output if isinstance(output, Sequence) else [output]
    losses = [
        float(plain_scalar(step["total_loss"]))
        for step in steps
        if isinstance(step, Mapping) and "total_loss" in step
    ]
    return float(np.mean(losses)) if losses else None

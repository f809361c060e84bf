"""Adds the rewards of a reward model to a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def reward_estimator(cfg: Any, reward_model: Any) -> Callable[[Any], None]:
    """Makes the middleware that hands ``ctx.train_data`` to ``reward_model.estimate``.

    What the model returns becomes the new ``ctx.train_data``; a model that returns None has changed the batch
    in place. Nothing happens while ``ctx.train_data`` is None. ``cfg`` is not read.
    """

    def estimate(ctx: Any) -> None:
        if ctx.train_data is None:
            return
        estimated = reward_model.estimate(ctx.train_data)
        if estimated is not None:
            ctx.train_data = estimated

    return estimate

"""Pushes transitions with the rewards of soft Q imitation learning: 1 for the expert, 0 for the learner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ding_buffer.core.buffer import Buffer
from ding_buffer.core.payload_fields import field_of, filled_like, with_fields
from ding_buffer.learners.bulk_push import push_all
from ding_buffer.learners.context import filled_field
from ding_buffer.learners.told import told_meta


def sqil_data_pusher(cfg: Any, buffer_: Buffer, expert: bool) -> Callable[[Any], None]:
    """Makes the middleware that pushes ``ctx.trajectories`` with the reward replaced by 1 (``expert``) or 0.

    The new reward has the type, dtype and shape of the old one. It is written to a shallow copy: the
    transitions that another middleware still holds keep theirs. A buffer whose layers need
    ``train_iter_data_collected`` is told ``ctx.train_iter``. ``cfg`` is not read. Source: Reddy et al.
    2020, arXiv:1905.11108.
    """
    number = 1 if expert else 0

    def push(ctx: Any) -> None:
        transitions = filled_field(ctx, "trajectories", "a collector")
        rewarded = [with_fields(t, reward=filled_like(field_of(t, "reward"), number)) for t in transitions]
        told = told_meta(buffer_, ctx)
        push_all(buffer_, rewarded, [dict(told) for _ in rewarded])
        ctx.trajectories = None

    return push

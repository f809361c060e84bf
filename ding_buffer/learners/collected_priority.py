"""Gives collected transitions a priority before they are pushed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ding_buffer.core.errors import BadPriority
from ding_buffer.core.payload_fields import with_fields
from ding_buffer.learners.context import filled_field


def priority_calculator(
    priority_calculation_fn: Callable[[list[Any]], Sequence[Any]],
) -> Callable[[Any], None]:
    """Makes the middleware that gives ``ctx.trajectories`` the priorities that the function returns for them.

    They stand in a ``priority`` field of shallow copies. ``data_pusher`` sends that field on as
    ``meta["priority"]``. Raises ``BadPriority`` unless there is one priority per transition.
    """

    def calculate(ctx: Any) -> None:
        transitions = filled_field(ctx, "trajectories", "a collector")
        priorities = priority_calculation_fn(transitions)
        if len(priorities) != len(transitions):
            raise BadPriority(
                f"{len(priorities)} priorities were calculated for {len(transitions)} transitions"
            )
        ctx.trajectories = [with_fields(t, priority=p) for t, p in zip(transitions, priorities, strict=True)]

    return calculate

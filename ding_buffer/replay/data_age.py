"""The age of payloads that may tell when they were collected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import BadArgument
from ding_buffer.middleware.stale import Staleness

COLLECTED = "train_iter_data_collected"


class DataAge(Staleness):
    """Deletes what has reached ``max_staleness``, and takes also what does not tell its age: that stays."""

    needs: ClassVar[Any] = ()
    push = Middleware.push
    extend = Middleware.extend
    update = Middleware.update

    def __init__(self, max_staleness: float) -> None:
        # The layer beneath deletes what is above its limit, this one what has reached it.
        super().__init__(max_staleness if max_staleness == math.inf else math.nextafter(max_staleness, 0.0))


def collected_iter(payload: Mapping[str, Any]) -> float | None:
    """Returns ``collect_iter`` of a payload, of several the earliest; None where there is none.

    Raises ``BadArgument`` for what is no iteration.
    """
    told = payload.get("collect_iter")
    try:
        if isinstance(told, (list, tuple)):
            told = min(told, default=None)
        if told is None or type(told) is int:
            return told
        number = math.nan if isinstance(told, (str, bytes)) else float(told)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise BadArgument(f"collect_iter must be the number of a training iteration, got {told!r}.")
    return int(number) if isinstance(told, np.integer) else number

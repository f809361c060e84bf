"""Settings that must be numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ding_buffer.core.errors import BadArgument


def check_whole(name: str, value: Any, low: int, high: float = math.inf) -> None:
    """Raises ``BadArgument`` for anything but an int, or one of numpy's, in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        most = "" if high == math.inf else f" and at most {high}"
        raise BadArgument(f"{name} must be an int of at least {low}{most}, got {value!r}.")


def check_number(name: str, value: Any, low: float, high: float = math.inf) -> None:
    """Raises ``BadArgument`` for anything but a finite number in [low, high]."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not low <= value <= high or value == math.inf:
        allowed = f"a finite number of at least {low}" if high == math.inf else f"a number in [{low}, {high}]"
        raise BadArgument(f"{name} must be {allowed}, got {value!r}.")


def is_at_least(least: int, value: Any) -> bool:
    """Tells whether a value is a whole number of at least ``least``."""
    return isinstance(value, (int, np.integer)) and bool(value >= least)

"""Numbers in the form in which people read them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ding_buffer.cli.history import RunHistory

UNKNOWN = "-"
_BLOCKS = "▁▂▃▄▅▆▇█"


def number(value: float | None, digits: int = 4) -> str:
    """Writes a number with about so many digits, thousands apart; None becomes a dash."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "0"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}" if abs(value) >= 1e-4 else f"{value:.0e}"


def clock(seconds: float) -> str:
    """Writes a duration as minutes and seconds, with hours where there are any."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def age(history: RunHistory) -> str:
    """Writes the median age of what was sampled last."""
    return f"{history.learning[-1][3]:,.0f}" if history.learning else UNKNOWN


def sparkline(values: Sequence[float], width: int) -> str:
    """Draws values as a row of at most ``width`` blocks, each the mean of its share, the least one lowest."""
    if not values:
        return ""
    cells = min(width, len(values))
    edges = [place * len(values) // cells for place in range(cells + 1)]
    means = [sum(values[start:end]) / (end - start) for start, end in pairwise(edges)]
    low, high = min(means), max(means)
    reach = (high - low) or 1.0
    return "".join(_BLOCKS[round((mean - low) / reach * (len(_BLOCKS) - 1))] for mean in means)

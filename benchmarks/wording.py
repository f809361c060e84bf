"""Figures, ratios and targets in words, for the terminal and for markdown."""

from __future__ import annotations

from benchmarks.contest import Results
from benchmarks.rows import ROWS
from benchmarks.targets import OURS, PEERS, TITLES, Target

AGAINST = {
    "best": "the best peer",
    "limit": "the limit",
    "lines": "256 cache lines",
    "payload": "the payload",
    "asked": "what is asked",
    **PEERS,
}
UNITS = {key: row.unit for row in ROWS for key in row.keys}


def number(value: float | None) -> str:
    """Writes three digits."""
    if value is None:
        return "-"
    for unit, letter in [(1e6, "M"), (1e4, "k")]:
        if abs(value) >= unit:
            return f"{value / unit * (1 if letter == 'M' else 10):,.3g}{letter}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def times(value: float | None) -> str:
    """Writes a ratio: 118x, 12.3x, 1.08x."""
    if value is None:
        return "-"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}x"


def work(key: str) -> str:
    return f"{TITLES[key]}, {UNITS[key]}" if UNITS[key] else TITLES[key]


def wanted(target: Target, ours: str) -> str:
    asked = target.wanted(ours)
    return "" if asked is None else f"{'<=' if target.at_most else '>='} {asked:,g}x"


def verdict(target: Target, results: Results, ours: str) -> str:
    """Returns what was reached, and whether that is enough."""
    met = target.met(results, ours)
    if target.wanted(ours) is None:
        return ""
    if met is None:
        return "no figure"
    return f"{times(target.reached(results, ours))} {'met' if met else 'missed'}"


def contestants(results: Results) -> list[str]:
    """Returns which of ours take part, C first."""
    return [ours for ours in OURS if ours in results.versions]

"""Times one operation."""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import perf_counter


def microseconds(work: Callable[[], object], number: int, repeats: int = 7) -> float:
    """Returns the time of one call, the best of ``repeats`` rounds of ``number`` calls, in microseconds.

    The best round is the one that the machine disturbed least. Garbage is collected between rounds, not within,
    and what the loop itself costs is taken off.
    """
    return (_best(work, number, repeats) - _best(_nothing, 10_000, 20)) * 1e6


def _best(work: Callable[[], object], number: int, repeats: int) -> float:
    best = float("inf")
    for _ in range(repeats):
        gc.collect()
        gc.disable()
        start = perf_counter()
        for _ in range(number):
            work()
        best = min(best, perf_counter() - start)
        gc.enable()
    return best / number


def _nothing() -> None:
    pass

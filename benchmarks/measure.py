"""Times one operation."""

from __future__ import annotations

import gc
from timeit import Timer
from typing import Any


def microseconds(statement: str, number: int, repeats: int = 7, **names: Any) -> float:
    """Returns the time of one ``statement`` over ``names``, in microseconds.

    That of the best of ``repeats`` rounds, the one that the machine disturbed least. Garbage is collected
    between rounds, not within.
    """
    timer = Timer(statement, globals=names)
    best = float("inf")
    for _ in range(repeats):
        gc.collect()
        best = min(best, timer.timeit(number))
    return best / number * 1e6

"""How surprising it is that draws came out as they did."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def surprise(counts: npt.ArrayLike, expected: npt.ArrayLike) -> float:
    """Returns the chi-square statistic of ``counts`` against ``expected`` as a standard normal deviate.

    Above 4 has a probability of 3e-5 where the expectation is right, above 3.7 one of 1e-4. Each expectation
    must be above 5, and both must have the same sum; raises ``ValueError`` where the test would mean nothing.
    Source: Wilson and Hilferty 1931.
    """
    seen, right = np.asarray(counts, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    if seen.shape != right.shape or seen.size < 2 or right.min() <= 5.0:
        raise ValueError("chi-square needs two expectations or more, each above 5, and as many counts")
    if not np.isclose(seen.sum(), right.sum()):
        raise ValueError(f"{seen.sum()} draws were counted and {right.sum()} expected")
    free = seen.size - 1
    statistic = float(((seen - right) ** 2 / right).sum())
    spread = 2.0 / (9.0 * free)
    return float(((statistic / free) ** (1.0 / 3.0) - (1.0 - spread)) / np.sqrt(spread))

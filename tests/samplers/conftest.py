"""Chi-square for the samplers' tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def surprise() -> Callable[[Any, Any], float]:
    """Chi-square as a standard normal deviate (Wilson and Hilferty): above 4 has a probability of 3e-5."""

    def deviate(counts: Any, expected: Any) -> float:
        counts, expected = np.asarray(counts, dtype=float), np.asarray(expected, dtype=float)
        assert expected.min() > 5
        assert counts.sum() == pytest.approx(expected.sum())
        free = counts.size - 1
        statistic = ((counts - expected) ** 2 / expected).sum()
        return float(((statistic / free) ** (1 / 3) - (1 - 2 / (9 * free))) / np.sqrt(2 / (9 * free)))

    return deviate

"""Chi-square for the samplers' tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ding_buffer.testing import distribution


@pytest.fixture
def surprise() -> Callable[[Any, Any], float]:
    """Chi-square as a standard normal deviate: above 4 has a probability of 3e-5, above 3.7 one of 1e-4."""
    return distribution.surprise

from __future__ import annotations

import pytest

from ding_buffer.core.annealing import Annealing
from ding_buffer.core.errors import BadArgument


def values(annealing: Annealing, count: int) -> list[float]:
    found = []
    for annealing.samples in range(count):
        found.append(annealing.now)
    return found


def test_it_rises_to_one_and_stays_there():
    assert [0.5, 0.75, 1.0, 1.0] == values(Annealing(0.5, 2), 4)


def test_over_no_samples_it_stays():
    assert [0.4, 0.4] == values(Annealing(0.4), 2)


def test_a_schedule_says_what_it_is():
    assert [0.0, 0.5, 1.0] == values(Annealing(0.4, 9, lambda samples: samples / 2), 3)


@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf"), True])
def test_a_schedule_that_returns_no_exponent_is_refused(bad):
    with pytest.raises(BadArgument, match="schedule"):
        _ = Annealing(0.4, schedule=lambda samples: bad).now

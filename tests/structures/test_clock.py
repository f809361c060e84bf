from __future__ import annotations

import math

import pytest

from ding_buffer.structures.clock import Clock, ManualClock


def test_it_shows_where_it_was_started_until_it_is_advanced():
    clock: Clock = ManualClock(5)

    assert [5.0, 5.0] == [clock(), clock()]


def test_it_goes_on_by_what_it_is_told():
    clock = ManualClock()

    assert 2.5 == clock.advance(2.5)
    assert 2.5 == clock.advance(0)
    clock.advance(0.5)
    assert 3.0 == clock() == clock.now


@pytest.mark.parametrize("seconds", [-1, -1e-9, math.nan])
def test_it_never_goes_back(seconds):
    clock = ManualClock(1)

    with pytest.raises(ValueError, match="forward only"):
        clock.advance(seconds)
    assert 1.0 == clock.now

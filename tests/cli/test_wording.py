from __future__ import annotations

import pytest

from ding_buffer.cli.history import RunHistory
from ding_buffer.cli.wording import age, clock, number, sparkline


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0"),
        (500.0, "500"),
        (243.16, "243.2"),
        (12345.6, "12,346"),
        (0.0132, "0.0132"),
        (0.00002, "2e-05"),
        (-3.25, "-3.25"),
    ],
)
def test_a_number_is_as_long_as_a_person_wants_it(value, text) -> None:
    assert text == number(value)


def test_a_duration_shows_hours_only_where_there_are_any() -> None:
    assert ["0:00", "1:05", "59:59", "2:00:07"] == [clock(seconds) for seconds in (0, 65, 3599, 7207)]


def test_the_age_is_the_latest_median() -> None:
    history = RunHistory()
    assert "-" == age(history)

    history.add_learning(64, 0.5, [1000, 3000, 5000], 64)
    assert "3,000" == age(history)


def test_a_sparkline_runs_from_the_lowest_block_to_the_highest() -> None:
    assert "▁▅█" == sparkline([0.0, 1.0, 2.0], 10)
    assert "▁█" == sparkline([0.0, 0.0, 4.0, 4.0], 2)
    assert "▁▁" == sparkline([7.0, 7.0], 5)
    assert "" == sparkline([], 5)

from __future__ import annotations

from typing import Any

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.cli.history import RunHistory
from ding_buffer.cli.progress import Progress, RunStatus, Speedometer
from ding_buffer.cli.run_config import read_run_config
from ding_buffer.learners.context import OnlineRLContext


class Kept:
    """A display that keeps what it is shown."""

    def __init__(self, period: float) -> None:
        self.period = period
        self.shown: list[RunStatus] = []

    def show(self, status: RunStatus) -> None:
        self.shown.append(status)

    def note(self, text: str) -> None:
        pass

    def close(self) -> None:
        pass


def progress(tiny: dict[str, Any], display: Kept) -> Progress:
    buffer = DequeBuffer(8)
    buffer.push("a", meta={"priority": 2.0})
    config = read_run_config(tiny, "tiny")
    return Progress(config, buffer, RunHistory(), display, lambda step: step / 100, lambda: 12.5)


def test_a_status_holds_what_a_display_needs(tiny) -> None:
    display = Kept(0.0)
    progress(tiny, display)(OnlineRLContext(env_step=50, train_iter=7))
    (status,) = display.shown

    assert (50, 7, 0.5, 12.5) == (status.env_step, status.train_iter, status.epsilon, status.elapsed)
    assert (1, 8, [2.0]) == (status.held, status.capacity, status.glance.priorities)
    assert 0.0 == status.env_steps_per_second


def test_a_status_is_shown_at_once_and_then_only_now_and_then(tiny) -> None:
    display = Kept(1000.0)
    shown = progress(tiny, display)
    for env_step in range(5):
        shown(OnlineRLContext(env_step=env_step))
    assert [0] == [status.env_step for status in display.shown]

    for _ in range(2):
        shown.show(OnlineRLContext(env_step=9))
    assert [0, 9] == [status.env_step for status in display.shown]


def test_a_speed_is_that_of_the_last_seconds() -> None:
    readings = [(0.0, 0), (1.0, 100), (4.0, 100), (9.0, 100), (10.0, 700)]
    times = iter([time for time, _ in readings])
    speed = Speedometer(lambda: next(times))
    speeds = [speed.speeds(count)[0] for _, count in readings]

    assert [0.0, 100.0, 25.0, 0.0, 600.0] == pytest.approx(speeds)

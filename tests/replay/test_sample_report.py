from __future__ import annotations

import logging
from typing import Any

from ding_buffer.replay.sample_report import SampleReport


class Writer:
    def __init__(self) -> None:
        self.scalars: dict[str, list[tuple[float, int]]] = {}

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.scalars.setdefault(tag, []).append((value, step))


def batch(use: int, priority: Any = 1.0, staleness: int = -1) -> list[dict[str, Any]]:
    return [{"use": use + more, "priority": priority, "staleness": staleness} for more in (0, 1)]


NAMES = {
    "use_avg",
    "use_max",
    "priority_avg",
    "priority_max",
    "priority_min",
    "staleness_avg",
    "staleness_max",
    "beta",
}


def test_every_so_many_batches_each_figure_is_written_by_iteration_and_by_env_step() -> None:
    writer = Writer()
    report = SampleReport("mine", 5, 2, writer)
    for number in range(5):
        report.sampled(batch(number), 0.4, 100 + number, 1000 + number)

    assert {f"mine_{unit}/{name}" for unit in ("iter", "step") for name in NAMES} == set(writer.scalars)
    assert [(0.4, 101), (0.4, 103)] == writer.scalars["mine_iter/beta"]
    assert [(0.4, 1001), (0.4, 1003)] == writer.scalars["mine_step/beta"]


def test_the_figures_are_of_the_newest_batches() -> None:
    writer = Writer()
    report = SampleReport("mine", 2, 3, writer)
    for use in (1, 3, 5):
        report.sampled(batch(use, priority=use, staleness=use), 0.5, 0, 0)

    assert [(4.5, 0)] == writer.scalars["mine_iter/use_avg"]
    assert [(6, 0)] == writer.scalars["mine_iter/use_max"]
    assert [(3, 0)] == writer.scalars["mine_iter/priority_min"]
    assert [(4, 0)] == writer.scalars["mine_iter/staleness_avg"]


def test_a_step_that_is_not_known_is_left_out() -> None:
    writer = Writer()
    SampleReport("mine", 5, 1, writer).sampled(batch(1), 0.4, 7, -1)

    assert {f"mine_iter/{name}" for name in NAMES} == set(writer.scalars)


def test_without_a_writer_the_log_is_told(caplog) -> None:
    with caplog.at_level(logging.INFO, "ding_buffer"):
        SampleReport("mine", 5, 1).sampled(batch(1), 0.4, 7, 8)

    assert "mine: batch 1, use_avg 1.5, use_max 2, " in caplog.text
    assert "beta 0.4" in caplog.text

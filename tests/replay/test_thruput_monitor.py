from __future__ import annotations

import logging
import pickle
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from easydict import EasyDict
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.errors import BadArgument
from ding_buffer.replay.thruput_monitor import PeriodicThruputMonitor
from ding_buffer.structures.clock import ManualClock


class Writer:
    def __init__(self) -> None:
        self.scalars: list[tuple[str, float, int]] = []

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.scalars.append((tag, value, step))


def made(seconds: float = 60, logger: Any = None) -> tuple[PeriodicThruputMonitor, ManualClock, Writer]:
    clock, writer = ManualClock(100), Writer()
    monitor = PeriodicThruputMonitor("agent", {"seconds": seconds}, logger, writer, clock=clock)
    return monitor, clock, writer


def reported(step: int, pushed: int, sampled: int, removed: int, held: int) -> list[tuple[str, float, int]]:
    return [
        ("agent_sec/pushed_in", pushed, step),
        ("agent_sec/sampled_out", sampled, step),
        ("agent_sec/removed", removed, step),
        ("agent_sec/current_have", held, step),
    ]


def test_nothing_is_reported_before_the_period_is_over():
    monitor, clock, writer = made()
    clock.advance(59.9)
    monitor.push_data_count += 3

    assert [] == writer.scalars
    assert 3 == monitor.push_data_count


def test_tags_and_figures_of_two_periods():
    monitor, clock, writer = made()
    monitor.push_data_count += 3
    monitor.sample_data_count += 64
    monitor.remove_data_count += 1
    monitor.valid_count = 2
    clock.advance(60)
    monitor.push_data_count += 4
    assert reported(0, 7, 64, 1, 2) == writer.scalars
    counts = [monitor.push_data_count, monitor.sample_data_count, monitor.remove_data_count]
    assert ([0, 0, 0], 2) == (counts, monitor.valid_count)
    clock.advance(59)
    monitor.sample_data_count += 8
    assert 4 == len(writer.scalars)
    clock.advance(1)
    monitor.valid_count = 5

    assert reported(1, 0, 8, 0, 5) == writer.scalars[4:]


def test_the_text_says_the_same_and_how_long_the_period_was(caplog):
    monitor, clock, _ = made(logger=logging.getLogger("agent_log"))
    clock.advance(90.25)
    with caplog.at_level(logging.INFO, "agent_log"):
        monitor.count(pushed=7, sampled=64, removed=1, held=2)

    text = "agent: in the past 90.2 seconds: pushed_in 7, sampled_out 64, removed 1, current_have 2"
    assert [("agent_log", logging.INFO, text)] == caplog.record_tuples


def test_without_a_writer_there_is_text_alone(caplog):
    clock = ManualClock(100)
    monitor = PeriodicThruputMonitor("agent", {"seconds": 1}, clock=clock)
    clock.advance(1)
    with caplog.at_level(logging.INFO, "ding_buffer"):
        monitor.count(pushed=1)

    assert ["ding_buffer"] == [record.name for record in caplog.records]


def test_counting_at_once_makes_one_report_of_all():
    monitor, clock, writer = made(seconds=10)
    clock.advance(10)
    monitor.count(pushed=2, sampled=3, removed=1, held=9)

    assert reported(0, 2, 3, 1, 9) == writer.scalars


def test_a_sum_of_steps_is_what_a_list_of_them_adds_up_to():
    monitor, clock, writer = made(seconds=10)
    for _ in range(9):
        clock.advance(1)
        monitor.count(pushed=1, sampled=2)
    clock.advance(1)
    monitor.count(removed=5)

    assert reported(0, 9, 18, 5, 0) == writer.scalars


def test_closing_reports_what_is_left_once():
    monitor, clock, writer = made()
    monitor.count(pushed=3, held=3)
    clock.advance(12)
    monitor.close()
    monitor.close()
    assert reported(0, 3, 0, 0, 3) == writer.scalars
    clock.advance(600)
    monitor.push_data_count += 1

    assert 4 == len(writer.scalars)
    assert 1 == monitor.push_data_count


def test_closing_without_a_count_reports_nothing():
    monitor, clock, writer = made()
    clock.advance(600)
    monitor.close()

    assert [] == writer.scalars


def test_t3_and_t4_no_thread_and_nothing_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(threading.enumerate())
    monitors = [made(seconds=0.001)[0] for _ in range(10)]
    assert not set(threading.enumerate()) - before
    for monitor in monitors:
        monitor.count(pushed=1)
        monitor.close()

    assert not set(threading.enumerate()) - before
    assert [] == list(tmp_path.iterdir())


def test_t2_counts_of_many_threads_add_up():
    monitor, _, writer = made(seconds=1e9)

    def work() -> None:
        for _ in range(500):
            monitor.count(pushed=1, sampled=2)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    monitor.close()

    assert reported(0, 2000, 4000, 0, 0) == writer.scalars


def test_a_writer_that_fails_harms_nobody(caplog):
    clock, writer = ManualClock(100), Writer()
    writer.add_scalar = lambda *scalar: 1 / 0  # type: ignore[method-assign, assignment]
    monitor = PeriodicThruputMonitor("agent", {"seconds": 1}, None, writer, clock=clock)
    for _ in range(3):
        clock.advance(1)
        monitor.push_data_count += 1

    assert 3 == monitor.errors
    assert 0 == monitor.push_data_count
    assert 1 == sum("ZeroDivisionError" in (record.exc_text or "") for record in caplog.records)


def test_whoever_is_told_may_look_at_the_counters():
    monitor, clock, _ = made(seconds=1)
    seen: list[int] = []
    monitor._sinks[1]._to.add_scalar = lambda *scalar: seen.append(monitor.push_data_count)
    clock.advance(1)
    monitor.count(pushed=5)

    assert [0, 0, 0, 0] == seen


def test_a_pickled_copy_goes_its_own_way():
    monitor, _, writer = made(seconds=10)
    monitor.count(pushed=3)
    twin = pickle.loads(pickle.dumps(monitor))
    twin.count(pushed=1)
    monitor.close()

    assert (0, 4) == (monitor.push_data_count, twin.push_data_count)
    assert reported(0, 3, 0, 0, 0) == writer.scalars


@pytest.mark.parametrize("cfg", [{"seconds": 2}, EasyDict(seconds=2), SimpleNamespace(seconds=2.0)], ids=repr)
def test_any_kind_of_config_serves(cfg):
    clock, writer = ManualClock(100), Writer()
    monitor = PeriodicThruputMonitor("agent", cfg, None, writer, clock=clock)
    clock.advance(2)
    monitor.push_data_count = np.int64(4)

    assert reported(0, 4, 0, 0, 0) == writer.scalars


@pytest.mark.parametrize("cfg", [{}, {"seconds": 0}, {"seconds": "60"}, {"seconds": True}, None], ids=repr)
def test_a_config_without_a_period_is_refused(cfg):
    with pytest.raises(BadArgument, match="seconds"):
        PeriodicThruputMonitor("agent", cfg)


@pytest.mark.parametrize("count", [1.5, "3", None], ids=repr)
def test_a_count_that_is_no_int_is_refused_and_changes_nothing(count):
    monitor, _, _ = made()
    monitor.valid_count = monitor.push_data_count = 2
    with pytest.raises(BadArgument, match="count"):
        monitor.push_data_count = count
    with pytest.raises(BadArgument, match="count"):
        monitor.valid_count = count

    assert (2, 2) == (monitor.push_data_count, monitor.valid_count)


@given(
    st.integers(1, 20),
    st.lists(
        st.tuples(st.integers(0, 15), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), max_size=30
    ),
)
def test_any_course_agrees_with_plain_sums(seconds, course):
    monitor, clock, writer = made(seconds)
    began, sums = clock.now, [0, 0, 0]
    expected: list[tuple[str, float, int]] = []
    for waited, pushed, sampled, removed in course:
        clock.advance(waited)
        monitor.count(pushed, sampled, removed, held=waited)
        sums = [sums[0] + pushed, sums[1] + sampled, sums[2] + removed]
        if clock.now - began >= seconds:
            expected += reported(len(expected) // 4, sums[0], sums[1], sums[2], waited)
            began, sums = clock.now, [0, 0, 0]

    assert expected == writer.scalars

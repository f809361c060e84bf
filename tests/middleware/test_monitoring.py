"""When a monitor reports, where to, and what it refuses; figures and state: see the other files."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, ChainError
from ding_buffer.middleware.group_sampling import group_sample
from ding_buffer.middleware.monitoring import Monitor, monitor
from ding_buffer.structures.clock import ManualClock
from ding_buffer.testing.middleware_suite import MiddlewareSuite
from tests.middleware.monitored import Setting, Writer, on_every_storage


class TestMonitor(MiddlewareSuite):
    def make_layer(self):
        return monitor(every_samples=3)


class TestMonitorThatNeverReports(MiddlewareSuite):
    def make_layer(self):
        return monitor(every_seconds=math.inf)


# When.


@pytest.mark.parametrize("action", ["push", "extend", "sample"])
def test_the_action_that_finds_the_period_over_reports_itself_included(action):
    now = Setting(every_seconds=60)
    now.buffer.push(0)
    now.clock.advance(59.5)
    now.buffer.push(1)
    now.buffer.sample(1)
    assert [] == now.reports
    now.clock.advance(0.5)
    {"push": now.buffer.push, "extend": lambda n: now.buffer.extend([n]), "sample": now.buffer.sample}[
        action
    ](1)

    (report,) = now.reports
    pushed, sampled = (2, 2) if action == "sample" else (3, 1)
    assert (pushed, sampled) == (report["buffer/pushed_total"], report["buffer/sampled_total"])
    assert 60.0 == report["buffer/period_seconds"]


def test_as_many_batches_as_asked_for_make_a_report():
    now = Setting(every_samples=3, every_seconds=math.inf)
    now.buffer.extend(range(4))
    for _ in range(7):
        now.buffer.sample(2)

    assert [3, 6] == [report["buffer/batches_total"] for report in now.reports]


def test_flush_reports_what_there_is_and_nothing_where_nothing_happened():
    now = Setting()
    now.layer.flush()
    now.clock.advance(1000)
    now.layer.flush()
    assert [] == now.reports
    now.buffer.push(1)
    assert 1 == len(now.reports)
    for happens in (
        lambda: now.buffer.push(1),
        lambda: now.buffer.sample(1),
        lambda: now.buffer.delete(now.buffer[0].index),
    ):
        happens()
        before = len(now.reports)
        now.layer.flush()
        now.layer.flush()
        assert before + 1 == len(now.reports)


def test_after_closing_nothing_is_looked_at_or_reported():
    now = Setting()
    now.buffer.push(1)
    now.layer.close()
    now.layer.close()
    before = now.buffer.stats()["monitor"]
    assert 1 == len(now.reports)
    now.clock.advance(1e6)
    now.buffer.push(1)
    now.buffer.sample(1)
    now.buffer.load_state_dict(now.buffer.state_dict())
    now.buffer.push(1)
    now.layer.flush()

    assert (1, before) == (len(now.reports), now.buffer.stats()["monitor"])


def test_figures_can_be_looked_at_without_a_report():
    now = Setting(name="replay")
    now.buffer.extend(range(3))
    now.clock.advance(2)

    assert (
        1.5
        == now.layer.figures()["replay/pushed_per_second"]
        == now.layer.figures()["replay/pushed_per_second"]
    )
    assert [] == now.reports


# Where to.


def test_a_writer_gets_every_figure_with_the_items_pushed_so_far_as_the_step():
    clock, writer = ManualClock(), Writer()
    layer = monitor(writer, name="replay", clock=clock)
    buffer = DequeBuffer(2).use(layer)
    buffer.extend(range(5))
    clock.advance(2)
    layer.flush()

    assert [
        ("replay/size", 2, 5),
        ("replay/pushed_total", 5, 5),
        ("replay/removed_total", 3, 5),
        ("replay/sampled_total", 0, 5),
        ("replay/batches_total", 0, 5),
        ("replay/period_seconds", 2.0, 5),
        ("replay/pushed_per_second", 2.5, 5),
        ("replay/sampled_per_second", 0.0, 5),
        ("replay/removed_per_second", 1.5, 5),
    ] == writer.scalars
    assert {int, float} == {type(value) for _, value, _ in writer.scalars}


@pytest.mark.parametrize(
    ("step", "expected"), [("pushed", [4, 5]), ("batches", [2, 3]), ("seconds", [7, 10])]
)
def test_the_step_is_what_was_asked_for(step, expected):
    clock, writer = ManualClock(), Writer()
    layer = monitor(writer, step=step, clock=clock)
    buffer = DequeBuffer(4, seed=0).use(layer)
    buffer.extend(range(4))
    buffer.sample(2)
    buffer.sample(2)
    clock.advance(7.5)
    layer.flush()
    buffer.push(4)
    buffer.sample(2)
    clock.advance(2.5)
    layer.flush()

    assert expected == [step for tag, _, step in writer.scalars if tag == "buffer/size"]


def test_without_a_place_to_go_a_line_goes_to_the_log(caplog):
    clock = ManualClock()
    layer = monitor(clock=clock)
    buffer = DequeBuffer(2000).use(layer)
    buffer.extend(range(1500))
    clock.advance(7)
    with caplog.at_level(logging.INFO, "ding_buffer"):
        layer.flush()

    text = "buffer: size 1,500, pushed_total 1,500, removed_total 0, sampled_total 0, batches_total 0, "
    text += "period_seconds 7, pushed_per_second 214.3, sampled_per_second 0, removed_per_second 0"
    assert [("ding_buffer", logging.INFO, text)] == caplog.record_tuples


@on_every_storage
def test_a_place_that_fails_changes_nothing_and_is_counted(storage, caplog):
    def fail(figures: dict[str, float]) -> None:
        raise OSError("no connection")

    layer = monitor(fail, every_samples=1)
    buffer = DequeBuffer(3, storage=storage(), seed=0).use(layer)
    twin = DequeBuffer(3, storage=storage(), seed=0)
    for number in range(5):
        for one in (buffer, twin):
            one.push(number)
        drawn = [[item.data for item in one.sample(1)] for one in (buffer, twin)]
        assert drawn[0] == drawn[1]

    buffer.store.check()
    assert {"sampled": 5, "batches": 5, "reports": 5, "sink_errors": 5} == buffer.stats()["monitor"]
    assert 1 == sum("no connection" in (record.exc_text or "") for record in caplog.records)


def test_whoever_is_told_may_use_the_buffer():
    sizes: list[int] = []

    def look(figures: dict[str, float]) -> None:
        buffer.push("from within")
        buffer.sample(1)
        sizes.append(buffer.stats()["size"])

    layer = monitor(look, every_samples=1)
    buffer = DequeBuffer(9, seed=0).use(layer)
    buffer.push(1)
    buffer.sample(1)
    buffer.sample(1)

    assert [2, 3] == sizes
    assert 0 == layer.stats()["sink_errors"]


def test_two_monitors_in_one_chain_say_the_same():
    clock, reports = ManualClock(), list[dict[str, float]]()
    layers = [monitor(reports.append, clock=clock) for _ in range(2)]
    buffer = DequeBuffer(4, seed=0).use(*layers)
    buffer.extend(range(6))
    buffer.sample(3)
    for layer in layers:
        layer.flush()

    assert reports[0] == reports[1]


# What is refused.


@pytest.mark.parametrize(
    "option",
    [
        {"every_seconds": 0},
        {"every_seconds": -1.0},
        {"every_seconds": math.nan},
        {"every_seconds": True},
        {"every_seconds": None},
        {"every_samples": 0},
        {"every_samples": 1.5},
        {"every_samples": True},
        {"step": "epochs"},
    ],
    ids=repr,
)
def test_an_impossible_setting_is_refused_by_its_name(option):
    with pytest.raises(BadArgument, match=next(iter(option))):
        monitor(**option)


def test_where_it_cannot_report_to_is_refused():
    with pytest.raises(BadArgument, match="add_scalar"):
        monitor("runs")


def test_unbound_it_has_nothing_to_report():
    for call in (Monitor().flush, Monitor().close, Monitor().figures):
        with pytest.raises(ChainError, match="not bound"):
            call()


def test_cut_groups_are_counted_after_the_cut_or_not_at_all():
    with pytest.raises(ChainError, match="Use monitor first"):
        DequeBuffer(3).use(group_sample(2), monitor())


def test_numpy_numbers_serve_as_settings():
    assert isinstance(monitor(every_samples=np.int64(3)), Monitor)

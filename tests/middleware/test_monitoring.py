from __future__ import annotations

import copy
import gc
import logging
import math
import pickle
import threading
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, ChainError, CorruptSnapshot
from ding_buffer.middleware.group_sampling import group_sample
from ding_buffer.middleware.monitoring import Monitor, monitor
from ding_buffer.middleware.pad import padding
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.sequences import sequence
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.structures.clock import ManualClock
from ding_buffer.testing.middleware_suite import MiddlewareSuite
from tests.middleware.naive_monitor import NaiveMonitor

STORAGES = [ObjectStorage, ColumnStorage]
on_every_storage = pytest.mark.parametrize("storage", STORAGES, ids=["objects", "columns"])


class TestMonitor(MiddlewareSuite):
    def make_layer(self):
        return monitor(every_samples=3)


class TestMonitorThatNeverReports(MiddlewareSuite):
    def make_layer(self):
        return monitor(every_seconds=math.inf)


class Writer:
    def __init__(self) -> None:
        self.scalars: list[tuple[str, float, int]] = []

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.scalars.append((tag, value, step))


class Setting:
    """A buffer with a monitor, its clock, and what was reported."""

    def __init__(self, storage: Any = ObjectStorage, size: int = 10, inner: Any = (), **options: Any) -> None:
        self.clock, self.reports = ManualClock(), list[dict[str, float]]()
        self.layer = monitor(self.reports.append, clock=self.clock, **options)
        self.buffer = DequeBuffer(size, storage=storage(), seed=0).use(self.layer, *inner)

    def draw(self, *positions: int) -> Any:
        return self.buffer.sample(indices=[self.buffer[position].index for position in positions])

    def last(self) -> dict[str, float]:
        """Flushes and returns what was reported, without the name."""
        self.layer.flush()
        return {tag.removeprefix("buffer/"): figure for tag, figure in self.reports[-1].items()}


# What is reported.


@on_every_storage
def test_every_figure_of_a_period_worked_out_by_hand(storage):
    now = Setting(storage, size=4)
    weights, priorities = [1.0, 1.0, 1.0, 0.5, 0.25, 0.25], [9.0, 9.0, 4.0, 3.0, 2.0, 1.0]
    now.buffer.extend(range(6), meta={"priority_IS": weights, "priority": priorities})  # 2, 3, 4, 5 stay
    now.draw(0, 1)  # 2 and 3: ages 3 and 2, weights 1 and 0.5
    now.draw(2, 3, 2)  # 4, 5 and 4: ages 1, 0 and 1, uses 2, 1 and 2, weights all 0.25
    now.buffer.delete(now.buffer[0].index)
    now.clock.advance(8)

    assert {
        "size": 3,
        "pushed_total": 6,
        "removed_total": 3,
        "sampled_total": 5,
        "batches_total": 2,
        "period_seconds": 8.0,
        "pushed_per_second": 6 / 8,
        "sampled_per_second": 5 / 8,
        "removed_per_second": 3 / 8,
        "sample_age_avg": (3 + 2 + 1 + 0 + 1) / 5,
        "sample_age_max": 3,
        "reuse_avg": (1 + 1 + 2 + 1 + 2) / 5,
        "reuse_max": 2,
        "priority_avg": (4 + 3 + 2 + 1 + 2) / 5,
        "priority_max": 4.0,
        "priority_min": 1.0,
        "ess_avg": pytest.approx((1.5**2 / (2 * 1.25) + 1) / 2),
        "ess_min": pytest.approx(0.9),
    } == now.last()


@on_every_storage
def test_the_next_period_begins_from_nothing_but_the_totals_and_the_uses(storage):
    now = Setting(storage, every_seconds=10)
    now.buffer.extend(range(3), meta={"priority": [5.0, 5.0, 5.0]})
    now.draw(0, 0, 1)
    now.clock.advance(10)
    now.buffer.push(3, meta={"priority": 1.0})
    now.draw(0, 3)
    now.clock.advance(4)
    figures = now.last()

    assert 2 == len(now.reports)
    assert (4, 5, 2) == tuple(figures[f"{key}_total"] for key in ("pushed", "sampled", "batches"))
    assert (0.0, 0.5, 0.0) == tuple(figures[f"{key}_per_second"] for key in ("pushed", "sampled", "removed"))
    assert (2.0, 3) == (figures["reuse_avg"], figures["reuse_max"])
    assert (3.0, 1.0, 5.0) == tuple(figures[f"priority_{key}"] for key in ("avg", "min", "max"))


@on_every_storage
def test_what_nothing_tells_is_left_out(storage):
    now = Setting(storage)
    totals = {"size", "pushed_total", "removed_total", "sampled_total", "batches_total", "period_seconds"}
    rates = {"pushed_per_second", "sampled_per_second", "removed_per_second"}
    now.buffer.push(1)
    assert totals == set(now.last())  # in no time there is no rate
    now.clock.advance(1)
    now.buffer.push(2)
    assert totals | rates == set(now.last())
    now.draw(0)
    uses = {f"{figure}_{kind}" for figure in ("sample_age", "reuse") for kind in ("avg", "max")}
    assert totals | uses == set(now.last())


@on_every_storage
def test_what_another_view_does_to_the_store_counts_and_what_it_draws_does_not(storage):
    now = Setting(storage, size=3)
    view = now.buffer.view()
    view.extend(range(5))
    view.sample(3)
    view.clear()
    figures = now.last()

    assert (5, 5, 0) == tuple(figures[f"{key}_total"] for key in ("pushed", "removed", "sampled"))


@on_every_storage
@pytest.mark.parametrize("max_use", [1, 2])
def test_items_that_go_with_the_draw_count_like_all_others(storage, max_use):
    now = Setting(storage, inner=[use_time_check(max_use=max_use)])
    now.buffer.extend(range(6))
    for draws in range(1, max_use + 1):
        now.draw(0, 1, 2)
        figures = now.last()
        assert (draws, draws) == (figures["reuse_avg"], figures["reuse_max"])
        assert (4.0, 5, 3 * draws) == tuple(
            figures[key] for key in ("sample_age_avg", "sample_age_max", "sampled_total")
        )
    assert 3 == figures["removed_total"] == figures["size"]


def test_an_item_drawn_twice_on_its_last_use_has_the_uses_it_came_to():
    now = Setting(inner=[use_time_check(max_use=2)])
    now.buffer.extend(range(3))
    now.draw(1, 1, 0)

    figures = now.last()
    assert ((2 + 2 + 1) / 3, 2) == (figures["reuse_avg"], figures["reuse_max"])


def test_an_item_that_a_stranger_deletes_on_the_way_has_no_uses_but_an_age():
    def consume(action: str, chain: Any, *args: Any, **kwargs: Any) -> Any:
        batch = chain(*args, **kwargs)
        if action == "sample":
            now.buffer.delete(batch[0].index)
        return batch

    now = Setting(inner=[consume])
    now.buffer.extend(range(3))
    now.draw(0, 2)
    figures = now.last()

    assert (1.0, 2, 2) == (figures["reuse_avg"], figures["sample_age_max"], figures["sampled_total"])


@on_every_storage
def test_groups_and_windows_are_counted_item_by_item(storage):
    now = Setting(storage, inner=[group_sample(2)])
    now.buffer.extend(range(9), meta={"env": [number % 3 for number in range(9)]})
    now.buffer.sample(3, groupby="env")
    assert 6 == now.last()["sampled_total"]
    now.buffer.sample(2, groupby="env", unroll_len=2)

    assert (10, 2) == tuple(now.last()[f"{key}_total"] for key in ("sampled", "batches"))


@on_every_storage
@pytest.mark.parametrize("policy", ["none", "random"])
def test_the_fillers_of_padding_do_not_count(storage, policy):
    clock, reports = ManualClock(), list[dict[str, float]]()
    layer = monitor(reports.append, every_samples=1, clock=clock)
    buffer = DequeBuffer(9, storage=storage(), seed=0).use(padding(policy), layer)
    buffer.extend(range(4), meta={"env": [0, 0, 0, 1]})
    buffer.sample(2, groupby="env")

    assert 4 == reports[0]["buffer/sampled_total"]
    with pytest.raises(ChainError, match="Use padding first"):
        DequeBuffer(9).use(monitor(), padding())


@on_every_storage
def test_the_fillers_of_windows_do_not_count(storage):
    now = Setting(storage, inner=[sequence(5, pad="both", overlap=0)])
    for number in range(3):
        now.buffer.push({"n": number, "terminated": number == 2}, meta={"env": 0})
    (window,) = now.buffer.sample(1)
    items = [item for item in window if item.index is not None]
    figures = now.last()

    assert len(items) == figures["sampled_total"] < len(window)
    assert 1 == figures["reuse_max"]


@on_every_storage
@pytest.mark.parametrize("weighs", [True, False])
def test_ess_is_that_of_the_weights_the_caller_gets(storage, weighs):
    now = Setting(storage, inner=[PriorityExperienceReplay(IS_weight=weighs)])
    now.buffer.extend([{"n": number} for number in range(8)], meta={"priority": [1.0, 50.0] * 4})
    shares = []
    for _ in range(5):
        weights = [float(item.meta.get("priority_IS", 0)) for item in now.buffer.sample(6)]
        shares.append(sum(weights) ** 2 / (6 * sum(weight**2 for weight in weights)) if weighs else 1)
    figures = now.last()

    if weighs:
        assert pytest.approx(sum(shares) / 5) == figures["ess_avg"]
        assert pytest.approx(min(shares)) == figures["ess_min"]
        assert figures["ess_min"] < 1
    else:
        assert "ess_avg" not in figures


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_ess_does_not_depend_on_the_scale_of_the_weights(scale):
    now = Setting()
    now.buffer.extend(range(2), meta={"priority_IS": [scale, scale / 2]})
    now.draw(0, 1)

    assert pytest.approx(0.9) == now.last()["ess_avg"]


@on_every_storage
def test_what_is_no_finite_number_is_left_out(storage):
    now = Setting(storage)
    odd = [1.0, math.nan, math.inf, None, 3.0] if storage is ObjectStorage else [1.0, math.nan, math.inf, 3.0]
    for number, value in enumerate(odd):
        now.buffer.push(number, meta={"priority": value, "priority_IS": value})
    now.draw(*range(len(odd)))
    figures = now.last()

    assert (2.0, 3.0, 1.0) == tuple(figures[f"priority_{key}"] for key in ("avg", "max", "min"))
    assert pytest.approx(16 / (2 * 10)) == figures["ess_avg"]


@on_every_storage
def test_items_without_a_priority_among_others_are_left_out(storage):
    now = Setting(storage)
    for number, meta in enumerate([{"priority": 2}, {}, {"priority": 4}]):
        now.buffer.push(number, meta=meta)
    now.draw(0, 1, 2)

    assert (3.0, 3) == tuple(now.last()[key] for key in ("priority_avg", "sampled_total"))


@on_every_storage
def test_an_empty_batch_is_a_batch_of_nothing(storage):
    now = Setting(storage)
    assert 0 == len(now.buffer.sample(3, ignore_insufficient=True))

    figures = now.last()
    assert (1, 0) == (figures["batches_total"], figures["sampled_total"])
    assert "reuse_avg" not in figures


OPERATIONS = st.one_of(
    st.tuples(st.just("push"), st.sampled_from([None, 0.0, 1.5, 7.0])),
    st.tuples(st.just("extend"), st.integers(0, 7)),
    st.tuples(st.just("sample"), st.lists(st.integers(0, 30), min_size=1, max_size=6)),
    st.tuples(st.just("delete"), st.lists(st.integers(0, 30), max_size=3)),
    st.tuples(st.just("clear"), st.none()),
    st.tuples(st.just("reload"), st.none()),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 3.0, 6.0])),
    st.tuples(st.just("flush"), st.none()),
)


class Course:
    """Does everything to a buffer with a monitor and to the naive one, and notes what must be reported."""

    def __init__(self, storage: Any, size: int, every_samples: int | None) -> None:
        self.now = Setting(storage, size=size, every_seconds=5.0, every_samples=every_samples)
        self.twin, self.expected = NaiveMonitor(size, 0.0), list[Any]()
        self.most = every_samples or math.inf
        self.drawn = 0

    def report(self) -> None:
        self.expected.append(self.twin.report(self.now.clock.now))
        self.drawn = 0

    def report_when_over(self) -> None:
        if self.now.clock.now - self.twin.began >= 5.0 or self.drawn >= self.most:
            self.report()

    def places(self, numbers: list[int]) -> list[int]:
        return [number % len(self.twin.held) for number in numbers if self.twin.held]

    def push(self, priority: float | None) -> None:
        self.now.buffer.push(self.twin.pushed, meta={} if priority is None else {"priority": priority})
        self.twin.push(priority)
        self.report_when_over()

    def extend(self, count: int) -> None:
        self.now.buffer.extend(range(count), meta={"priority": [2.0] * count})
        for _ in range(count):
            self.twin.push(2.0)
        self.report_when_over()

    def sample(self, numbers: list[int]) -> None:
        places = self.places(numbers)
        if places:
            self.now.draw(*places)
            self.twin.sample([self.twin.held[place] for place in places], [])
            self.drawn += 1
            self.report_when_over()

    def delete(self, numbers: list[int]) -> None:
        places = set(self.places(numbers))
        self.now.buffer.delete([self.now.buffer[place].index for place in places])
        self.twin.remove([self.twin.held[place] for place in places])

    def clear(self, _: None) -> None:
        self.now.buffer.clear()
        self.twin.remove(list(self.twin.held))

    def reload(self, _: None) -> None:
        self.now.buffer.load_state_dict(copy.deepcopy(self.now.buffer.state_dict()))

    def wait(self, seconds: float) -> None:
        self.now.clock.advance(seconds)

    def flush(self, _: None) -> None:
        self.now.layer.flush()
        if self.twin.came or self.twin.went or self.drawn:
            self.report()


@given(
    st.sampled_from(STORAGES),
    st.integers(1, 6),
    st.sampled_from([None, 1, 3]),
    st.lists(OPERATIONS, max_size=40),
)
def test_any_course_agrees_with_plain_lists(storage, size, every_samples, operations):
    course = Course(storage, size, every_samples)
    for operation, value in operations:
        getattr(course, operation)(value)
        assert course.expected == course.now.reports
    assert len(course.expected) == course.now.layer.stats()["reports"]


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
    with caplog.at_level(logging.INFO):
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
    assert 1 == len(caplog.records)


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


# State.


@on_every_storage
@pytest.mark.parametrize("size", [6, 3])
@pytest.mark.parametrize("by_file", [True, False])
def test_a_resumed_run_goes_on_with_totals_uses_and_the_period(storage, size, by_file, tmp_path):
    first, second = Setting(storage, size=6), Setting(storage, size=size)
    first.buffer.extend(range(6), meta={"priority": [3.0] * 6})
    first.draw(5, 5, 4)
    first.clock.advance(4)
    second.buffer.extend(range(2))
    second.draw(0, 1)
    second.clock.advance(100)
    if by_file:
        first.buffer.save_data(tmp_path / "saved")
        second.buffer.load_data(tmp_path / "saved")
    else:
        second.buffer.load_state_dict(copy.deepcopy(first.buffer.state_dict()))
    for now in (first, second):
        now.draw(-1)
        now.clock.advance(1)
    figures, expected = second.last(), first.last()

    assert (2 + 2 + 1 + 3) / 4 == figures["reuse_avg"]
    assert 5.0 == figures["period_seconds"]
    if size == 3:  # the oldest found no room
        expected |= {"size": 3, "removed_total": 3}
    assert expected == pytest.approx(figures)


@on_every_storage
def test_content_that_was_loaded_is_no_push_and_has_not_been_used(storage):
    now, other = Setting(storage, size=5), DequeBuffer(5, storage=storage())
    other.extend(range(50))
    now.buffer.extend(range(3))
    now.draw(0, 0)
    now.buffer.load_state_dict(other.state_dict())
    now.buffer.push(50)
    now.draw(0)
    now.clock.advance(1)
    figures = now.last()

    assert (4.0, 1.0) == (figures["pushed_per_second"], figures["removed_per_second"])
    assert ((2 + 2 + 1) / 3, 51) == (figures["reuse_avg"], figures["pushed_total"])


@pytest.mark.parametrize(
    "damage",
    [
        {"uses": [1]},
        {"uses": [-1] * 9},
        {"uses": "many"},
        {"totals": [1, 2]},
        {"seconds": None},
        {"period": {}},
        {"summaries": {}},
        {"summaries": {key: [0.5, 0, 0, 0] for key in ("sample_age", "reuse", "priority", "ess")}},
    ],
    ids=repr,
)
def test_a_damaged_state_is_refused_and_changes_nothing(damage):
    now = Setting(size=6)
    now.buffer.extend(range(6))
    now.draw(0, 3)
    state = copy.deepcopy(now.buffer.state_dict())
    state["layers"][0]["state"].update(damage)
    before = now.buffer.state_dict()["layers"]

    with pytest.raises(CorruptSnapshot, match="monitor"):
        now.buffer.load_state_dict(state)

    assert before == now.buffer.state_dict()["layers"]


@on_every_storage
def test_a_deep_copy_reports_to_the_same_place_by_the_same_clock(storage):
    now = Setting(storage)
    now.buffer.extend(range(3))
    now.draw(0)
    twin = copy.deepcopy(now.buffer)
    twin.sample(indices=[twin[0].index])
    now.clock.advance(2)
    (layer,) = twin._middleware
    assert isinstance(layer, Monitor)
    layer.close()
    now.layer.close()

    assert [2, 1] == [report["buffer/sampled_total"] for report in now.reports]
    assert [1.5, 1.0] == [report["buffer/reuse_avg"] for report in now.reports]
    assert [2.0, 2.0] == [report["buffer/period_seconds"] for report in now.reports]


def test_with_a_log_a_buffer_can_be_pickled():
    buffer = DequeBuffer(4, seed=0).use(monitor(every_samples=2))
    buffer.extend(range(3))
    twin = pickle.loads(pickle.dumps(buffer))
    twin.sample(2)
    twin.sample(2)

    assert {"sampled": 4, "batches": 2, "reports": 1, "sink_errors": 0} == twin.stats()["monitor"]


def test_it_keeps_no_item():
    class Payload:
        pass

    now = Setting(size=2)
    for _ in range(2):
        now.buffer.push(Payload())
    payloads = [weakref.ref(item.data) for item in now.buffer.sample(2)]
    now.buffer.clear()
    gc.collect()

    assert [None, None] == [payload() for payload in payloads]


@on_every_storage
def test_many_threads_lose_no_count(storage):
    reports: list[dict[str, float]] = []
    layer = monitor(reports.append, every_samples=7)
    buffer = DequeBuffer(50, storage=storage(), seed=0).use(layer)
    buffer.extend(range(50))

    def push() -> None:
        for number in range(300):
            buffer.push(number)

    def sample() -> None:
        for _ in range(150):
            buffer.sample(4)

    threads = [threading.Thread(target=work) for work in (push, push, sample, sample)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    layer.close()

    last = reports[-1]
    assert (650, 600, 1200, 300) == tuple(
        last[f"buffer/{key}_total"] for key in ("pushed", "removed", "sampled", "batches")
    )
    assert 300 // 7 + 1 == len(reports)


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

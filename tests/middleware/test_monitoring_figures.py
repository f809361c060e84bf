"""What a monitor reports, worked out by hand and by plain lists."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import ChainError
from ding_buffer.middleware.group_sampling import group_sample
from ding_buffer.middleware.monitoring import monitor
from ding_buffer.middleware.pad import padding
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.sequences import sequence
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.structures.clock import ManualClock
from tests.middleware.monitored import STORAGES, Setting, on_every_storage
from tests.middleware.naive_monitor import NaiveMonitor


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


# Any course of events.


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

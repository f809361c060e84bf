from __future__ import annotations

import copy
import math
import pickle
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.errors import BadArgument
from ding_buffer.replay.attr_monitor import SampledDataAttrMonitor, UnknownAttribute

FIGURES = ["use_max", "use_avg", "priority_max", "priority_avg", "priority_min"]
FIGURES += ["staleness_max", "staleness_avg"]


class Ticks:
    """A time that counts, as DI-engine's ``TickTime``."""

    def __init__(self, start: float = 0) -> None:
        self.now = start

    def step(self, delta: float = 1) -> None:
        self.now += delta

    def time(self) -> float:
        return self.now


def monitored(expire: float = 3, start: float = 0) -> tuple[SampledDataAttrMonitor, Ticks]:
    ticks = Ticks(start)
    return SampledDataAttrMonitor(ticks, expire), ticks


def told(monitor: SampledDataAttrMonitor) -> dict[str, float]:
    pairs = [(attribute, name) for attribute in ("avg", "max") for name in ("use", "priority", "staleness")]
    return {f"{name}_{kind}": getattr(monitor, kind)[name]() for kind, name in [*pairs, ("min", "priority")]}


def test_nothing_assigned_is_zero():
    monitor, _ = monitored()

    assert dict.fromkeys(FIGURES, 0) == {name: told(monitor)[name] for name in FIGURES}


def test_figures_of_three_batches_worked_out_by_hand():
    monitor, ticks = monitored(expire=3)
    batches = [(1, 1.5, 3.0, 0.5), (4, 2.5, 9.0, 0.25), (2, 2.0, 6.0, 1.0)]
    for largest, average, priority, least in batches:
        monitor.use_max, monitor.use_avg = largest, average
        monitor.staleness_max, monitor.staleness_avg = largest * 10, average * 10
        monitor.priority_max, monitor.priority_avg, monitor.priority_min = priority, priority / 3, least
        ticks.step()

    assert {
        "use_max": 4,
        "use_avg": 2.0,
        "staleness_max": 40,
        "staleness_avg": 20.0,
        "priority_max": 9.0,
        "priority_avg": 2.0,
        "priority_min": 0.25,
    } == told(monitor)


def test_exactly_the_last_expire_batches_count_before_and_after_the_tick():
    monitor, ticks = monitored(expire=3)
    for batch in range(10):
        monitor.use_avg = batch
        expected = sum(range(max(0, batch - 2), batch + 1)) / min(3, batch + 1)
        assert expected == monitor.avg["use"]()
        ticks.step()
        assert expected == monitor.avg["use"]()


def test_without_new_batches_old_ones_leave_one_by_one_as_time_goes_on():
    monitor, ticks = monitored(expire=3)
    for value in (10, 20, 30):
        monitor.priority_max = value
        ticks.step()
    seen = []
    for _ in range(4):
        seen.append([entry for _, entry in monitor.range_values["priority_max"]()])
        ticks.step()

    assert [[10, 20, 30], [20, 30], [30], []] == seen
    assert 0 == monitor.max["priority"]()


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("value", [1, 1.5, 0, -1, np.int64(3), np.float32(0.5)], ids=repr)
def test_w14_ints_and_floats_are_both_fine_for_every_figure(name, value):
    monitor, _ = monitored()
    setattr(monitor, name, value)

    assert value == getattr(monitor, name) == told(monitor)[name]
    assert type(getattr(monitor, name)) in (int, float)


@pytest.mark.parametrize("value", ["1", None, True, [1], np.zeros(2)], ids=repr)
def test_what_is_no_number_is_refused_by_the_name_of_the_figure(value):
    monitor, _ = monitored()

    with pytest.raises(BadArgument, match="use_avg"):
        monitor.use_avg = value
    assert 0 == monitor.avg["use"]()


def test_reading_a_figure_gives_what_was_assigned_last_even_when_it_counts_no_more():
    monitor, ticks = monitored(expire=1)
    with pytest.raises(ValueError, match="use_max was not assigned"):
        _ = monitor.use_max
    monitor.use_max = 3
    ticks.step(100)

    assert (3, 0) == (monitor.use_max, monitor.max["use"]())


def test_frozen_it_notes_and_counts_at_the_time_it_was_frozen_at():
    monitor, ticks = monitored(expire=2)
    monitor.use_avg = 4
    monitor.freeze()
    ticks.step(50)
    monitor.use_avg = 6
    assert (0, 50) == (monitor.fixed_time(), monitor.current_time())
    assert 5 == monitor.avg["use"]()
    monitor.freeze()
    assert 50 == monitor.fixed_time()
    assert 0 == monitor.avg["use"]()
    ticks.step()
    monitor.unfreeze()
    monitor.unfreeze()

    assert 51 == monitor.fixed_time() == monitor.current_time()


def test_a_time_that_falls_is_refused_and_nothing_is_noted():
    monitor, ticks = monitored(start=5)
    monitor.use_avg = 1
    ticks.step(-1)
    with pytest.raises(BadArgument, match="time of the monitor fell"):
        monitor.use_avg = 2

    assert 1 == monitor.use_avg


def test_it_says_what_it_was_given():
    monitor, ticks = monitored(expire=2.5)

    assert ticks is monitor.time
    assert 2.5 == monitor.expire


def test_a_function_serves_as_the_time():
    now = [5.0]
    monitor = SampledDataAttrMonitor(lambda: now[0], 2.0)
    monitor.priority_min = 1
    now[0] = 7.0
    assert 1 == monitor.min["priority"]()
    now[0] = 7.5

    assert 0 == monitor.min["priority"]()


def test_an_attribute_that_is_registered_can_be_read():
    monitor, ticks = monitored(expire=5)

    def total(figure: str) -> float:
        return sum(value for _, value in monitor.range_values[figure]())

    monitor.register_attribute_value("sum", "use", lambda: total("use_avg"))
    for value in (1, 2, 4):
        monitor.use_avg = value
        ticks.step()

    assert 7 == monitor.sum["use"]()
    assert {"avg", "max", "sum"} == set(monitor.get_property_attribute("use"))
    assert [] == monitor.get_property_attribute("unheard of")


def test_the_values_that_count_are_listed_with_the_time_since_the_beginning():
    monitor, ticks = monitored(expire=10, start=100)
    for value in (7, 8):
        ticks.step(2)
        monitor.use_max = value
    ticks.step(3)

    assert [((2, 4), 7), ((4, 7), 8)] == monitor.range_values["use_max"]()
    assert [] == monitor.range_values["use_avg"]()


def test_what_was_never_registered_is_named():
    monitor, _ = monitored()
    for error in (AttributeError, KeyError, UnknownAttribute):
        with pytest.raises(error, match="median"):
            _ = monitor.median
    with pytest.raises(KeyError):
        monitor.min["use"]()

    assert not hasattr(monitor, "median")


def test_more_figures_can_be_added_in_a_subclass():
    class Richer(SampledDataAttrMonitor):
        reward_avg = type(SampledDataAttrMonitor.__dict__["use_avg"])()

    monitor = Richer(Ticks(), 3)
    monitor.reward_avg = 2
    monitor.use_avg = 3

    assert (2, 3) == (monitor.avg["reward"](), monitor.avg["use"]())
    assert "reward" not in monitored()[0].avg


def test_half_made_it_raises_no_recursion_error():
    bare = SampledDataAttrMonitor.__new__(SampledDataAttrMonitor)

    with pytest.raises(AttributeError):
        _ = bare.avg


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_goes_its_own_way(copied):
    monitor, _ = monitored()
    monitor.use_avg = 2
    twin = copied(monitor)
    twin.use_avg = 4
    twin.time.step()

    assert (2, 3) == (monitor.avg["use"](), twin.avg["use"]())
    assert (0, 1) == (monitor.current_time(), twin.current_time())


@pytest.mark.parametrize("expire", [0, -3, math.nan, True, "5", None])
def test_an_impossible_window_is_refused(expire):
    with pytest.raises(BadArgument, match="expire"):
        SampledDataAttrMonitor(Ticks(), expire)


def test_a_time_that_tells_none_is_refused():
    with pytest.raises(BadArgument, match="time_"):
        SampledDataAttrMonitor(3, 3)


def test_many_threads_may_assign_and_read():
    monitor, _ = monitored(expire=1000)

    def work() -> None:
        for _ in range(200):
            monitor.use_avg = 2
            assert 2 == monitor.avg["use"]()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 800 == len(monitor.range_values["use_avg"]())


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 3), st.integers(-9, 9)), max_size=40))
def test_any_course_agrees_with_a_plain_list(expire, course):
    monitor, ticks = monitored(expire)
    noted: list[tuple[float, float]] = []
    for steps, value in course:
        ticks.step(steps)
        counted = [number for tick, number in noted if tick >= ticks.now - expire]
        assert (max(counted) if counted else 0) == monitor.max["priority"]()
        monitor.priority_max = monitor.priority_min = monitor.priority_avg = value
        noted = [entry for entry in [*noted, (ticks.now, value)] if entry[0] > ticks.now - expire]
        counted = [number for _, number in noted]
        assert max(counted) == monitor.max["priority"]()
        assert min(counted) == monitor.min["priority"]()
        assert sum(counted) / len(counted) == monitor.avg["priority"]()

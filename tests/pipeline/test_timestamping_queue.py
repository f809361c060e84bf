from __future__ import annotations

from types import MappingProxyType

import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.pipeline.timestamping_queue import TimestampingQueue
from ding_buffer.structures.clock import ManualClock


def test_elements_come_out_in_order_with_the_times_they_went_in():
    clock = ManualClock(5.0)
    queue: TimestampingQueue = TimestampingQueue(3, clock=clock)
    for element in "ab":
        queue.append(element)
        clock.advance(1)

    assert 2 == len(queue)
    assert [("a", 5.0), ("b", 6.0)] == [queue.popleft(), queue.popleft()]
    with pytest.raises(IndexError):
        queue.popleft()


def test_when_it_is_full_the_oldest_goes_and_is_counted():
    queue: TimestampingQueue = TimestampingQueue(2)
    for element in range(5):
        queue.append(element)

    assert 3 == queue.dropped
    assert [3, 4] == [queue.popleft()[0], queue.popleft()[0]]
    none: TimestampingQueue = TimestampingQueue(0)
    none.append(1)
    assert (0, 1) == (len(none), none.dropped)


def test_without_a_limit_nothing_goes():
    queue: TimestampingQueue = TimestampingQueue()
    for element in range(1000):
        queue.append(element)

    assert (1000, 0) == (len(queue), queue.dropped)


def test_a_mapping_is_copied_and_what_it_holds_is_not():
    inner: list[int] = []
    step = {"a": inner}
    queue: TimestampingQueue = TimestampingQueue()
    queue.append(step)
    step["a"] = [9]
    kept = queue.popleft()[0]

    assert {"a": []} == kept
    assert inner is kept["a"]


@pytest.mark.parametrize("size", [-1, 1.5, True, "3"])
def test_a_wrong_size_is_refused(size):
    with pytest.raises(BadArgument, match="max_len"):
        TimestampingQueue(size)


def test_a_view_of_a_mapping_is_copied_too():
    step = {"a": 1}
    queue: TimestampingQueue = TimestampingQueue()
    queue.append(MappingProxyType(step))
    step["a"] = 9

    assert {"a": 1} == queue.popleft()[0]


@pytest.mark.parametrize(("room", "left", "dropped"), [(9, "abcd", 1), (3, "bcd", 2), (None, "abcd", 1)])
def test_what_a_newer_one_holds_is_taken_over_behind_what_is_there(room, left, dropped):
    clock = ManualClock(1.0)
    older: TimestampingQueue = TimestampingQueue(room, clock=clock)
    newer: TimestampingQueue = TimestampingQueue(2, clock=clock)
    for queue, elements in ((older, "ab"), (newer, "-cd")):
        for element in elements:
            queue.append(element)
        clock.advance(1)
    older.take_over(newer)

    assert dropped == older.dropped
    assert [(one, 1.0 + (one in "cd")) for one in left] == [older.popleft() for _ in range(len(older))]


def test_nothing_is_dropped_where_the_clock_fails():
    times = iter([1.0])
    queue: TimestampingQueue = TimestampingQueue(1, clock=lambda: next(times))
    queue.append("a")
    with pytest.raises(StopIteration):
        queue.append("b")

    assert (0, ("a", 1.0)) == (queue.dropped, queue.popleft())

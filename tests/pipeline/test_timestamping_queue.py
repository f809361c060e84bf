from __future__ import annotations

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

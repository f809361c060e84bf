from __future__ import annotations

import threading

import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.pipeline.data_collector import DataCollector
from ding_buffer.pipeline.data_user import DataUser
from ding_buffer.pipeline.sequential_buffer import SequentialBuffer


def test_what_is_collected_is_pending_until_it_is_fetched():
    collector = DataUser(SequentialBuffer(["a"], 10)).collector
    collector.collect({"a": 1})
    collector.collect({"a": 2})

    assert 2 == collector.pending
    queue = collector._move_data()
    assert (2, 0) == (len(queue), collector.pending)
    assert {"a": 1} == queue.popleft()[0]


def test_a_bad_item_is_refused_where_it_is_collected():
    collector = DataUser(SequentialBuffer(["a", "b"], 10)).collector
    with pytest.raises(KeyError, match="b"):
        collector.collect({"a": 1})

    assert 0 == collector.pending


def test_what_was_dropped_is_counted_over_all_queues():
    collector = DataUser(SequentialBuffer(2)).collector
    for number in range(5):
        collector.collect(number)
    collector._move_data()
    for number in range(3):
        collector.collect(number)

    assert 4 == collector.dropped
    collector._discard()
    assert (6, 0) == (collector.dropped, collector.pending)


def test_what_is_put_back_comes_before_what_was_collected_since():
    collector = DataUser(SequentialBuffer(4)).collector
    for number in range(3):
        collector.collect(number)
    queue = collector._move_data()
    queue.popleft()
    for number in (3, 4, 5):
        collector.collect(number)
    collector._put_back()

    assert (4, 1) == (collector.pending, collector.dropped)
    queue = collector._move_data()
    assert [2, 3, 4, 5] == [queue.popleft()[0] for _ in range(4)]


def test_what_was_dropped_before_it_was_put_back_is_counted_once():
    collector = DataUser(SequentialBuffer(3)).collector
    for number in range(5):
        collector.collect(number)
    for _ in range(3):
        collector._move_data()
        collector._put_back()

    assert (3, 2) == (collector.pending, collector.dropped)


def test_what_was_discarded_is_not_put_back():
    collector = DataUser(SequentialBuffer(3)).collector
    collector.collect(1)
    collector._discard()
    collector._put_back()

    assert (0, 1) == (collector.pending, collector.dropped)


@pytest.mark.parametrize("size", [-1, "three", 1.5])
def test_what_is_neither_a_user_nor_a_size_is_refused(size):
    with pytest.raises(BadArgument, match="max_len"):
        DataCollector(size)


def test_one_can_stand_alone():
    for collector in (DataCollector(2), DataCollector()):
        for number in range(3):
            collector.collect(number)
        assert 2 <= collector.pending <= 3


def test_handing_over_loses_nothing_and_keeps_the_order_of_each_thread():
    collector: DataCollector = DataCollector()
    fetched: list[tuple[int, int]] = []
    stop = threading.Event()

    def collect(who):
        for number in range(3000):
            collector.collect((who, number))

    def fetch():
        while not stop.is_set():
            queue = collector._move_data()
            fetched.extend(queue.popleft()[0] for _ in range(len(queue)))

    fetcher = threading.Thread(target=fetch)
    threads = [threading.Thread(target=collect, args=(who,)) for who in range(3)]
    fetcher.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    fetcher.join()
    queue = collector._move_data()
    fetched.extend(queue.popleft()[0] for _ in range(len(queue)))

    for who in range(3):
        assert list(range(3000)) == [number for one, number in fetched if one == who]

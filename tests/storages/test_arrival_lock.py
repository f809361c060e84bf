from __future__ import annotations

import copy
import threading

import pytest

from ding_buffer.storages.arrival_lock import ArrivalLock


def test_who_takes_it_first_lets_in_what_has_arrived_and_nobody_within():
    calls = []
    lock = ArrivalLock(lambda: calls.append(lock._is_owned()))
    with lock:
        assert [True] == calls
        with lock:
            assert lock.acquire()
            lock.release()
        assert [True] == calls
        assert lock._is_owned()
    assert not lock._is_owned()
    with lock:
        assert [True, True] == calls


def test_it_is_free_again_where_letting_in_fails():
    def fail():
        raise KeyError("arrival")

    lock = ArrivalLock(fail)
    with pytest.raises(KeyError, match="arrival"), lock:
        pass
    assert not lock._is_owned()


def test_nobody_takes_the_mutex_past_it():
    lock = ArrivalLock(lambda: None)
    with lock:
        within = lock.awaited

    assert (True, True) == (within, lock.awaited)


def test_a_condition_can_wait_on_it():
    calls: list[int] = []
    lock = ArrivalLock(lambda: calls.append(1))
    condition, ready = threading.Condition(lock), []  # type: ignore[arg-type]

    def tell():
        with lock:
            ready.append(1)
            condition.notify_all()

    with lock:
        thread = threading.Thread(target=tell)
        thread.start()
        assert condition.wait_for(lambda: ready, timeout=60)
        assert lock._is_owned()
    thread.join()
    assert 2 == len(calls)


def test_it_excludes_other_threads():
    lock, total = ArrivalLock(lambda: None), [0]

    def count():
        for _ in range(2000):
            with lock:
                total[0] += 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 8000 == total[0]


def test_it_is_not_copied():
    with pytest.raises(TypeError, match="is not copied"):
        copy.deepcopy(ArrivalLock(lambda: None))


def test_what_was_left_to_do_before_an_arrival_failed_is_done():
    done: list[bool] = []

    def fails():
        lock.pending.append(lambda: done.append(lock._is_owned()))
        raise ValueError("torn")

    lock = ArrivalLock(fails)
    with pytest.raises(ValueError, match="torn"), lock:
        pass

    assert [False] == done
    assert {} == lock.due

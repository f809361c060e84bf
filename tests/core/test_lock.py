from __future__ import annotations

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from ding_buffer.core.lock import FairLock

PATIENCE = 60
"""Seconds after which a test that hangs gives up."""


def test_its_owner_may_take_it_again():
    lock = FairLock()
    with lock as taken, lock:
        assert lock is taken
        assert lock.acquire()
        lock.release()
        assert lock._is_owned()
    assert not lock._is_owned()


def test_two_threads_never_hold_it_together():
    lock, held, most = FairLock(), [], []

    def work(number):
        for _ in range(300):
            with lock, lock:
                held.append(number)
                most.append(len(held))
                held.remove(number)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))

    assert 1800 == len(most)
    assert 1 == max(most)


def test_whoever_takes_it_heeds_first():
    lock, heeded = FairLock(), []
    lock.news = SimpleNamespace(unheard=0)

    def heed():
        heeded.append((lock._is_owned(), lock.news.unheard))
        lock.news.unheard = 0

    lock.heed = heed
    with lock:
        assert [] == heeded
    lock.news.unheard = 3
    with lock:
        assert [(True, 3)] == heeded
    lock.news.unheard = 2
    assert lock.acquire()
    lock.release()
    assert [(True, 3), (True, 2)] == heeded


def test_it_is_given_back_where_heeding_fails():
    lock = FairLock()

    def fail():
        raise KeyError("heed")

    lock.heed, lock.news = fail, SimpleNamespace(unheard=1)
    with pytest.raises(KeyError, match="heed"):
        lock.acquire()
    assert not lock._is_owned()
    lock.news = None
    with lock:
        assert lock._is_owned()


def test_its_owner_need_not_queue_behind_whoever_waits():
    lock, waiting = FairLock(), threading.Event()

    def wait():
        waiting.set()
        with lock:
            pass

    with lock:
        other = threading.Thread(target=wait)
        other.start()
        assert waiting.wait(PATIENCE)
        while not lock.awaited:
            pass
        for _ in range(100):
            with lock:
                assert lock._is_owned()
    other.join(PATIENCE)
    assert not other.is_alive()


def test_a_busy_thread_does_not_keep_it_from_another():
    lock, done, turns = FairLock(), threading.Event(), [0]

    def busy():
        while not done.is_set():
            with lock:
                turns[0] += 1

    thread = threading.Thread(target=busy)
    thread.start()
    while not turns[0]:
        pass
    mine = 0
    for _ in range(300):
        with lock:
            mine += 1
    done.set()
    thread.join(PATIENCE)

    assert 300 == mine
    assert not thread.is_alive()


def test_whoever_gives_it_back_queues_behind_whoever_waits():
    lock, turns = FairLock(), []

    def wait(number):
        with lock:
            turns.append(number)

    for number in range(50):
        with lock:
            other = threading.Thread(target=wait, args=(number,))
            other.start()
            while not lock.awaited:
                pass
        with lock:
            assert number == turns[-1]
        other.join(PATIENCE)


def test_a_condition_works_on_it_also_when_it_is_held_twice():
    lock = FairLock()
    condition = threading.Condition(lock)  # type: ignore[arg-type]
    box: list = []

    def wait():
        with lock, condition:
            while not box:
                assert condition.wait(PATIENCE)
            assert lock._is_owned()
            box.append("seen")

    waiters = [threading.Thread(target=wait) for _ in range(3)]
    for waiter in waiters:
        waiter.start()
    with condition:
        box.append("put")
        condition.notify_all()
    for waiter in waiters:
        waiter.join(PATIENCE)

    assert ["put", "seen", "seen", "seen"] == box
    assert not lock._is_owned()


def test_it_cannot_be_given_back_by_whoever_does_not_hold_it():
    with pytest.raises(RuntimeError):
        FairLock().release()


def test_a_copy_is_a_new_lock_that_nobody_holds():
    lock = FairLock()
    with lock:
        for twin in (copy.copy(lock), copy.deepcopy(lock), pickle.loads(pickle.dumps(lock))):
            assert not twin._is_owned()
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(twin.acquire).result(PATIENCE)


def test_an_error_inside_gives_it_back():
    lock = FairLock()
    with pytest.raises(KeyError), lock:
        raise KeyError
    assert not lock._is_owned()


def test_what_is_pending_is_called_once_when_the_lock_is_wholly_given_back_and_free():
    lock, called = FairLock(), []
    with lock:
        with lock:
            lock.pending.append(lambda: called.append(("first", lock._is_owned())))
        assert [] == called
        lock.acquire()
        lock.pending.append(lambda: called.append(("second", lock._is_owned())))
        lock.release()
    expected = [("first", False), ("second", False)]
    assert expected == called
    with lock:
        pass
    assert expected == called
    assert {} == lock.due


def test_what_one_thread_left_is_called_by_no_other():
    lock, called = FairLock(), []

    def leave(name):
        with lock:
            lock.pending.append(lambda: called.append((name, threading.get_ident())))
        return name, threading.get_ident()

    with ThreadPoolExecutor(4) as pool:
        left = list(pool.map(leave, range(200)))

    assert sorted(left) == sorted(called)


def test_a_call_may_take_the_lock_and_leave_another_call():
    lock, called = FairLock(), []

    def again():
        called.append("outer")
        with lock:
            lock.pending.append(lambda: called.append("inner"))
        called.append("back")

    with lock:
        lock.pending.append(again)

    assert ["outer", "inner", "back"] == called


def test_an_error_keeps_no_other_call_from_being_made():
    lock, called = FairLock(), []

    def fails(name):
        called.append(name)
        raise ValueError(name)

    lock.acquire()
    lock.pending.append(lambda: fails("first"))
    lock.pending.append(lambda: fails("second"))
    lock.pending.append(lambda: called.append("third"))
    with pytest.raises(ValueError, match="second") as raised:
        lock.release()

    assert ["first", "second", "third"] == called
    assert "first" == str(raised.value.__context__)
    assert not lock._is_owned()
    with lock:
        pass
    assert 3 == len(called)


def test_whoever_waits_for_a_condition_makes_his_calls_at_the_end():
    lock, called, waiting = FairLock(), [], threading.Event()
    condition = threading.Condition(lock)  # type: ignore[arg-type]
    ready: list[int] = []

    def wait():
        with condition:
            lock.pending.append(lambda: called.append("waited"))
            waiting.set()
            condition.wait_for(lambda: ready, PATIENCE)

    thread = threading.Thread(target=wait)
    thread.start()
    assert waiting.wait(PATIENCE)
    with condition:
        lock.pending.append(lambda: called.append("woke it"))
        ready.append(1)
        assert [] == called
        condition.notify_all()
    thread.join(PATIENCE)

    assert ["waited", "woke it"] == sorted(called)

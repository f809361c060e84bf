from __future__ import annotations

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

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

from __future__ import annotations

import copy
import os
import pickle
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.kernels.push_kinds import KINDS

PATIENCE = 60
"""Seconds after which a test that hangs gives up."""


@pytest.fixture(params=KINDS)
def mutex(request):
    return request.param.Mutex()


def elsewhere(work, *args):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work, *args).result(PATIENCE)


def test_its_owner_may_take_it_again_and_must_give_it_back_as_often(mutex):
    assert mutex.acquire() is True
    assert mutex.acquire(False) is True
    with mutex as taken:
        assert taken is True
        assert mutex._is_owned()
        assert not elsewhere(mutex.acquire, False)
    mutex.release()
    assert not elsewhere(mutex.acquire, False)
    mutex.release()

    assert not mutex._is_owned()
    assert elsewhere(lambda: mutex.acquire(False) and mutex.release() is None)


def test_only_its_owner_may_give_it_back(mutex):
    with pytest.raises(RuntimeError, match="cannot release un-acquired lock"):
        mutex.release()
    with mutex, pytest.raises(RuntimeError, match="cannot release un-acquired lock"):
        elsewhere(mutex.release)
    with pytest.raises(RuntimeError, match="cannot release un-acquired lock"):
        mutex._release_save()


def test_an_error_inside_gives_it_back_and_comes_out(mutex):
    with pytest.raises(KeyError), mutex:
        raise KeyError
    assert not mutex._is_owned()


@pytest.mark.parametrize(
    ("args", "kwargs", "error"),
    [
        ((False, 1), {}, ValueError),
        ((), {"timeout": -2}, ValueError),
        ((), {"timeout": float("nan")}, ValueError),
        ((), {"timeout": 1e30}, OverflowError),
        ((), {"timeout": "long"}, TypeError),
        ((True, 1, 2), {}, TypeError),
        ((), {"patience": 2}, TypeError),
    ],
)
def test_a_wait_that_makes_no_sense_is_refused(mutex, args, kwargs, error):
    with pytest.raises(error):
        mutex.acquire(*args, **kwargs)
    assert not mutex._is_owned()


def test_it_is_waited_for_no_longer_than_asked(mutex):
    with mutex:
        assert not elsewhere(lambda: mutex.acquire(timeout=0.01))
        assert not elsewhere(lambda: mutex.acquire(timeout=0))
    assert mutex.acquire(timeout=PATIENCE)
    mutex.release()


def test_two_threads_never_hold_it_together(mutex):
    held, most = [], []

    def work(number):
        for _ in range(500):
            with mutex, mutex:
                held.append(number)
                most.append(len(held))
                held.remove(number)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))

    assert 3000 == len(most)
    assert 1 == max(most)


def test_a_waiting_thread_gets_it_when_it_is_given_back(mutex):
    turns, waiting = [], threading.Event()

    def wait():
        waiting.set()
        with mutex:
            turns.append("other")

    with mutex:
        other = threading.Thread(target=wait)
        other.start()
        assert waiting.wait(PATIENCE)
        turns.append("first")
    other.join(PATIENCE)

    assert ["first", "other"] == turns


def test_a_condition_works_on_it_also_when_it_is_held_twice(mutex):
    condition = threading.Condition(mutex)
    box: list = []

    def wait():
        with mutex, condition:
            while not box:
                assert condition.wait(PATIENCE)
            assert mutex._is_owned()
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
    assert not mutex._is_owned()


def test_it_is_taken_again_as_it_was_held(mutex):
    for _ in range(3):
        mutex.acquire()
    held = mutex._release_save()
    assert not mutex._is_owned()
    mutex._acquire_restore(held)
    for _ in range(3):
        assert mutex._is_owned()
        mutex.release()
    assert not mutex._is_owned()


@pytest.mark.parametrize("state", [None, (), (1,), ("a", "b")])
def test_it_is_not_taken_as_nobody_held_it(mutex, state):
    with pytest.raises(TypeError):
        mutex._acquire_restore(state)
    assert not mutex._is_owned()


class _Interrupted(Exception):
    pass


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers here")
@pytest.mark.parametrize("timeout", [-1, PATIENCE])
def test_a_signal_ends_the_waiting(mutex, timeout):
    def interrupt(*_):
        raise _Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    held, over = threading.Event(), threading.Event()

    def hold():
        with mutex:
            held.set()
            over.wait(PATIENCE)

    def wait():  # the signal may come before the waiting begins
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        mutex.acquire(timeout=timeout)

    other = threading.Thread(target=hold)
    other.start()
    try:
        assert held.wait(PATIENCE)
        with pytest.raises(_Interrupted):
            wait()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        over.set()
        other.join(PATIENCE)
    assert mutex.acquire(timeout=PATIENCE)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers here")
def test_a_signal_that_raises_nothing_does_not_end_the_waiting(mutex):
    heard, held, over = [], threading.Event(), threading.Event()

    def hear(*_):
        heard.append(mutex._is_owned())
        over.set()

    def hold():
        with mutex:
            held.set()
            over.wait(PATIENCE)

    before = signal.signal(signal.SIGALRM, hear)
    other = threading.Thread(target=hold)
    other.start()
    try:
        assert held.wait(PATIENCE)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        assert mutex.acquire(timeout=PATIENCE)
        assert [False] == heard
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        over.set()
        other.join(PATIENCE)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_child_of_its_owner_owns_it(mutex):
    with mutex:
        child = os.fork()
        if not child:
            try:
                owned = mutex._is_owned()
                mutex.release()
                os._exit(0 if owned and not mutex._is_owned() else 1)
            except BaseException:  # noqa: BLE001
                os._exit(2)
        assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_it_can_be_made_new_as_a_forked_child_must(mutex):
    held, over = threading.Event(), threading.Event()

    def hold():
        mutex.acquire()
        held.set()
        over.wait(PATIENCE)

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(PATIENCE)
    over.set()
    other.join(PATIENCE)
    assert not mutex.acquire(False)

    mutex._at_fork_reinit()
    assert mutex.acquire(False)
    mutex.release()


def test_it_can_be_dropped_while_it_is_held(mutex):
    fresh = type(mutex)()
    fresh.acquire()
    del fresh


def test_there_is_no_copy_of_it(mutex):
    for spread in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot pickle"):
            spread(mutex)

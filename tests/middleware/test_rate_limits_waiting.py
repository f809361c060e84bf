from __future__ import annotations

import contextlib
import itertools
import logging
import signal
import sys
import threading
from typing import Any

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import (
    BadArgument,
    ChainError,
    RateLimited,
    RateLimitTimeout,
)
from ding_buffer.middleware.rate_limits import rate_limit
from ding_buffer.structures.clock import ManualClock
from tests.middleware.rate_limited import made
from tests.middleware.side_threads import running, until


@pytest.fixture
def alone(monkeypatch):
    """Counts no thread that an earlier test, or a library, has left in the background."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)


# Waiting.


def test_a_sample_waits_for_the_smallest_number():
    buffer, layer = made(min_size=3, clock=ManualClock(7))
    with running(lambda: buffer.sample(2)) as results:
        until(lambda: layer.why_blocked() is not None)
        for number in range(3):
            why = layer.why_blocked()
            assert ("sample", 7.0, 3, number, "items", True) == (
                *(why.side, why.since, why.needed, why.have, why.unit, why.can_resume),
            )
            buffer.push(number)

    assert 2 == len(results[0])
    assert layer.why_blocked() is None


def test_a_push_waits_for_samples_and_goes_on_when_there_were_enough():
    buffer, layer = made(4, slack=8, min_size=4, held=6, size=50)
    with running(lambda: buffer.push(6)) as results:
        until(lambda: layer.why_blocked() is not None)
        why = layer.why_blocked()
        assert ("push", 4, 0, "samples", True) == (why.side, why.needed, why.have, why.unit, why.can_resume)
        assert "samples_per_insert 4, slack 8, pushes ahead by 8" in why.text
        buffer.sample(3)
        assert layer.why_blocked() is not None
        buffer.sample(1)

    assert results[0].data == 6
    assert 7 == len(buffer)


def test_who_deletes_makes_room_for_a_push():
    buffer, layer = made(4, slack=8, min_size=4, held=6)
    with running(lambda: buffer.push(6)) as results:
        until(lambda: layer.why_blocked() is not None)
        buffer.view().delete([item.index for item in buffer][:3])

    assert results[0] is not None
    assert 4 == len(buffer)


def test_what_comes_in_through_a_view_wakes_a_sample_and_is_never_held_back():
    buffer, layer = made(1, slack=2, min_size=3)
    view = buffer.view()
    with running(lambda: buffer.sample(2)) as results:
        until(lambda: layer.why_blocked() is not None)
        view.extend(range(30))

    assert 2 == len(results[0])
    assert 30 == layer.stats()["pushed"]
    view.sample(20)
    assert 2 == layer.stats()["sampled"]


def test_a_wait_without_end_is_ended_by_its_timeout_and_says_what_it_waited_for(alone):
    buffer, layer = made(4, slack=8, min_size=4, held=6, timeout=0.01)
    for _ in range(2):
        with pytest.raises(RateLimitTimeout, match=r"a push of 1 item.*it takes 4 samples, and there were 0"):
            buffer.push(6)
    with pytest.raises(TimeoutError, match="No other thread"):
        buffer.push(6)

    assert (6, 3) == (len(buffer), layer.stats()["timeouts"])
    assert layer.stats()["push_seconds"] >= 0.01
    assert "push" == layer.why_blocked().side
    buffer.sample(4)
    assert layer.why_blocked() is None
    assert buffer.push(6) is not None


def test_the_seconds_waited_are_those_of_the_clock():
    clock = ManualClock()
    buffer, layer = made(min_size=1, clock=clock)
    with running(lambda: buffer.sample(1)):
        until(lambda: layer.why_blocked() is not None)
        clock.advance(90)
        assert "for 90 s" in layer.why_blocked().text
        buffer.push(1)

    assert (0.0, 90.0) == (layer.stats()["push_seconds"], layer.stats()["sample_seconds"])


def test_a_wait_that_holds_the_lock_twice_lets_others_in():
    buffer, layer = made(min_size=2)

    def nested() -> Any:
        with buffer.store.lock, buffer.store.lock:
            return buffer.sample(2)

    with running(nested) as results:
        until(lambda: layer.why_blocked() is not None)
        buffer.extend(range(2))

    assert 2 == len(results[0])


def test_many_that_go_one_by_one_wait_in_between():
    class Stamp(Middleware):
        """Takes part in push alone, so that many come one by one."""

        def push(self, chain, data, meta=None):
            return chain(data, meta={"stamp": 1})

    layer = rate_limit(1, slack=2, min_size=1)
    buffer = DequeBuffer(50, seed=0).use(Stamp(), layer)
    with running(lambda: buffer.extend(range(9))) as results:
        for held in (3, 5, 7):
            until(lambda: layer.why_blocked() is not None)
            assert held == len(buffer)
            buffer.sample(2)

    assert list(range(9)) == [item.data for item in results[0]]


@pytest.mark.parametrize("side", ["push", "sample"])
def test_release_ends_every_wait_and_resume_lets_them_wait_again(side):
    buffer, layer = made(4, slack=8, min_size=4, held=6 if side == "push" else 2)

    def act() -> Any:
        try:
            return buffer.push(6) if side == "push" else buffer.sample(2)
        except RateLimited:
            return None

    with running(act, act) as results:
        until(lambda: 2 == len(layer._line._waiting))
        layer.release()
    assert [None, None] == results
    assert act() is None
    layer.resume()
    with running(act) as results:
        until(lambda: layer._line._waiting)
        layer.release()
    assert [None] == results
    refused = layer.stats()["refused_pushes"], layer.stats()["refused_samples"]
    assert ((4, 0) if side == "push" else (0, 8)) == refused


@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_kill"),
    reason="only the main thread is interrupted",
)
def test_an_interrupt_breaks_a_wait_and_leaves_everything_in_order():
    buffer, layer = made(min_size=3)
    main, over, presses = threading.get_ident(), threading.Event(), itertools.count()

    def strike(*_: Any) -> None:
        if next(presses) == 0:
            raise KeyboardInterrupt

    def sleeps() -> bool:
        with buffer.store.lock:  # which it gave back, to sleep
            here = sys._current_frames()[main].f_code
            return layer.why_blocked() is not None and here is threading.Condition.wait.__code__

    def press() -> bool:
        signal.pthread_kill(main, signal.SIGINT)
        return over.wait(0.01)  # what strikes while Python is just going to sleep does not wake it: once more

    def interrupt() -> None:
        try:
            until(sleeps)
            until(press)
        except AssertionError:
            layer.release()  # nobody else would end the wait
            raise

    usual = signal.signal(signal.SIGINT, strike)
    try:
        with running(interrupt) as results, contextlib.ExitStack() as stack:
            stack.callback(over.set)
            with pytest.raises(KeyboardInterrupt):
                buffer.sample(2)
    finally:
        signal.signal(signal.SIGINT, usual)

    assert [None] == results
    assert layer.why_blocked() is None
    with running(lambda: buffer.extend(range(3))):  # the lock is free
        pass
    assert 2 == len(buffer.sample(2))


# Never.


def test_what_could_never_go_on_is_refused_at_once():
    buffer, layer = made(4, slack=10, min_size=2, held=3)
    with pytest.raises(BadArgument, match=r"a sample of 21 items.*never go on: give slack=11 or more"):
        buffer.sample(21, replace=True)
    assert ("sample", False) == (layer.why_blocked().side, layer.why_blocked().can_resume)
    with pytest.raises(BadArgument, match=r"a push of 6 items.*never go on: give slack=12 or more"):
        buffer.extend(range(6))
    assert 3 == len(buffer)


def test_two_sides_that_wait_for_each_other_are_told_so(caplog):
    buffer, layer = made(4, slack=10, min_size=2, held=3)
    with running(lambda: buffer.sample(18, replace=True)) as results:
        until(lambda: layer.why_blocked() is not None)
        assert layer.why_blocked().can_resume
        with running(lambda: buffer.extend(range(2))) as others:
            until(lambda: 2 == len(layer._line._waiting))
            why = layer.why_blocked()
            assert ("sample", False) == (why.side, why.can_resume)
            assert "the other side is held back as well" in why.text
            assert buffer.push(5) is not None  # a third, that asks for less
    assert 2 == len(others[0])
    assert 18 == len(results[0])
    assert "held back as well" in caplog.text


def test_a_batch_that_only_several_at_once_could_bring_about_is_told_so():
    buffer, layer = made(7, slack=10, min_size=2, held=3, timeout=0)

    with pytest.raises(RateLimitTimeout, match="the other side may not go that far"):
        buffer.sample(20, replace=True)
    assert layer.why_blocked().can_resume is False


def test_whoever_waits_all_alone_is_warned(alone, caplog):
    buffer, _ = made(min_size=2, timeout=0)
    with caplog.at_level(logging.WARNING), pytest.raises(RateLimitTimeout):
        buffer.sample(1)

    assert "No other thread of this process runs" in caplog.text


def test_more_than_fits_is_refused_when_it_is_used():
    with pytest.raises(ChainError, match="min_size=11 items never fit into a buffer of 10"):
        DequeBuffer(10).use(rate_limit(min_size=11))
    assert 10 == DequeBuffer(10).use(rate_limit(min_size=10)).size

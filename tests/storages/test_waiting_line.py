from __future__ import annotations

import copy
import time

import pytest

from ding_buffer.core.errors import BadArgument, RateLimitTimeout
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.storages.store import Store
from ding_buffer.storages.waiting_line import WaitingLine
from ding_buffer.structures.clock import ManualClock
from ding_buffer.structures.sample_ratio import SampleRatio
from tests.middleware.side_threads import running, until


def made(*settings, **named):
    """Returns a line, its ratio, its clock and the store where it stands."""
    ratio, clock, store = SampleRatio(*settings, **named), ManualClock(5), Store(20, ObjectStorage())
    line = WaitingLine(ratio, clock)
    line.stand_at(store)
    return line, ratio, clock, store


def push(store, ratio, count=1):
    with store.lock:
        for number in range(count):
            store.push(number, None)
            ratio.count("push", 1)


def test_what_may_go_on_goes_on_at_once():
    line, _, _, _ = made(1, 2)

    assert "" == line.admit("push", 2, wait=True, timeout=None)
    assert not line.must_wait("push", 2)
    assert line.must_wait("sample", 1)
    assert line.why_blocked() is None


def test_what_is_turned_away_is_counted_and_told_why():
    line, _, clock, _ = made(1, 3)
    why = line.admit("sample", 2, wait=False, timeout=None)

    assert "rate_limit holds back a sample of 2 items: min_size=3 items must be" in why
    assert "in the buffer, there are 0." in why
    clock.advance(4)
    line.admit("sample", 1, wait=False, timeout=None)
    blocked = line.why_blocked()
    assert ("sample", 5.0, 3, 0, "items", True) == (
        *(blocked.side, blocked.since, blocked.needed, blocked.have, blocked.unit, blocked.can_resume),
    )
    assert "a sample of 1 item for 4 s" in blocked.text
    assert 3 == line.counts["refused_samples"]


def test_what_was_turned_away_is_forgotten_once_it_could_go_on():
    line, ratio, _, store = made(1, 3)
    line.admit("sample", 2, wait=False, timeout=None)
    push(store, ratio, 3)

    assert line.why_blocked() is None
    assert "" == line.admit("sample", 2, wait=False, timeout=None)


def test_of_several_that_wait_the_longest_is_named():
    line, ratio, clock, store = made(1, 4)

    def wait(count):
        with store.lock:
            return line.admit("sample", count, wait=True, timeout=60)

    with running(lambda: wait(1)) as first:
        until(lambda: line.why_blocked() is not None)
        clock.advance(2)
        with running(lambda: wait(2)) as second:
            until(lambda: 2 == len(line._waiting))
            assert (5.0, 4, 0) == (
                *(line.why_blocked().since, line.why_blocked().needed, line.why_blocked().have),
            )
            clock.advance(1)
            push(store, ratio, 4)

    assert [""] == first == second
    assert 4.0 == line.seconds["sample"]


def test_asking_why_needs_no_lock():
    line, _, _, store = made(1, 3)
    line.admit("sample", 2, wait=False, timeout=None)
    with store.lock, running(line.why_blocked) as found:
        until(lambda: found)

    assert "sample" == found[0].side


def test_a_wait_in_vain_ends_in_time_and_costs_no_more():
    line, _, _, store = made(1, 3)
    began = time.monotonic()
    with store.lock, pytest.raises(RateLimitTimeout, match="min_size=3"):
        line.admit("sample", 1, wait=True, timeout=0.02)

    assert time.monotonic() - began >= 0.02
    assert 1 == line.counts["timeouts"]
    assert 0 == line.counts["refused_samples"]


def test_what_can_never_be_is_an_error_whether_it_would_wait_or_not():
    line, _, _, _ = made(1, 1, 4)
    for wait in (True, False):
        with pytest.raises(BadArgument, match="give slack=5 or more"):
            line.admit("sample", 9, wait, timeout=None)
    assert line.why_blocked().can_resume is False


def test_a_release_needs_no_lock_and_no_store():
    line = WaitingLine(SampleRatio(1, 1), ManualClock())
    line.release()

    assert line.released
    assert line.why_blocked() is None


def test_nobody_waits_for_a_copy():
    line, _, _, store = made(1, 3)
    line.admit("sample", 2, wait=False, timeout=None)
    with running(lambda: _locked(store, lambda: line.admit("sample", 1, True, 60))):
        until(lambda: line._waiting)
        twin = copy.deepcopy(line)
        line.release()

    assert twin.why_blocked() is None
    assert 2 == twin.counts["refused_samples"]


def _locked(store, call):
    with store.lock:
        return call()

from __future__ import annotations

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core import explain
from ding_buffer.core.chain import Middleware
from ding_buffer.core.explain import Explanation, Stopwatch
from ding_buffer.kernels import chosen
from ding_buffer.kernels.chosen import kernel_info
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.column_storage import ColumnStorage

NOW = [0]


def tick(by=0):
    """A clock that stands still unless it is told how far to go."""
    NOW[0] += by
    return NOW[0]


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(explain, "perf_counter_ns", tick)


class Slow(Middleware):
    """Takes its time.

    And says more about it here.
    """

    def push(self, chain, data, meta=None):
        tick(100)
        return chain(data, meta=meta)


class Listening(Middleware):
    """Only listens."""


def function(action, chain, *args, **kwargs):
    """Passes."""
    return chain(*args, **kwargs)


def nameless(action, chain, *args, **kwargs):
    return chain(*args, **kwargs)


class Box:
    """Looks like a buffer to an explanation."""

    store = None
    size = 1000

    def __init__(self, *layers):
        self._middleware = list(layers)

    def __len__(self):
        return 1


@pytest.mark.usefixtures("clock")
def test_each_layer_is_booked_its_own_time_and_the_store_the_rest():
    layers: list = [Slow(), function, Slow()]
    stopwatch = Stopwatch(["a", "b", "c"])

    def base(data, meta=None):
        tick(300)
        return data

    chain = stopwatch.compose(layers, [0, 1, 2], "push", base)
    assert stopwatch.shares() is None
    assert 5 == chain(5)
    assert 6 == chain(6)

    assert [200, 0, 200, 600] == stopwatch.spent
    assert [0.2, 0.0, 0.2, 0.6] == stopwatch.shares()


@pytest.mark.usefixtures("clock")
def test_a_layer_that_raises_is_booked_all_the_same():
    stopwatch = Stopwatch(["a"])

    def base(data, meta=None):
        tick(300)
        raise KeyError(data)

    chain = stopwatch.compose([Slow()], [0], "push", base)
    for number in range(2):
        with pytest.raises(KeyError):
            chain(number)
        tick(1000)

    assert [200, 600] == stopwatch.spent


def test_it_says_what_each_layer_is_and_which_actions_it_wraps():
    text = Explanation.of(Box(Slow(), Listening(), function, nameless), Stopwatch(["a", "b", "c", "d"]))
    lines = text.splitlines()

    assert "Box: a call goes down this list and comes back up" == lines[0]
    assert "  Slow       Takes its time.  [push]" == lines[1]
    assert "  Listening  Only listens.  [events only]" == lines[2]
    assert "  function   Passes.  [push, sample, update, delete, clear]" == lines[3]
    assert "  nameless   no description  [push, sample, update, delete, clear]" == lines[4]
    assert "  store      1 of 1,000 items  [all actions]" == lines[5]
    assert f"(shares of the time appear after {explain.EVERY} calls)" in lines[6]
    assert 8 == len(lines)


def test_shares_stand_in_front_once_something_was_measured():
    stopwatch = Stopwatch(["a"])
    stopwatch.spent = [1, 3]
    lines = Explanation.of(Box(Slow()), stopwatch).splitlines()

    assert lines[1].startswith("   25.0%  Slow")
    assert lines[2].startswith("   75.0%  store")
    assert 4 == len(lines)


def test_without_layers_there_is_nothing_to_measure():
    assert 3 == len(Explanation.of(Box(), Stopwatch([])).splitlines())


@pytest.mark.parametrize(
    ("info", "line"),
    [
        ({"name": "c", "why": "they are built", "vectors": "AVX2"}, "kernels: c (AVX2)"),
        ({"name": "numpy", "why": "DING_BUFFER_KERNELS=numpy"}, "kernels: numpy (DING_BUFFER_KERNELS=numpy)"),
    ],
)
def test_the_last_line_says_which_kernels_run(monkeypatch, info, line):
    monkeypatch.setattr(explain, "kernel_info", lambda: info)

    assert line == Explanation.of(Box(), Stopwatch([])).splitlines()[-1]


def test_the_kernels_that_run_here_are_those_that_were_chosen():
    last = Explanation.of(Box(), Stopwatch([])).splitlines()[-1]

    assert last.startswith(f"kernels: {chosen.NAME} (")


def test_it_shows_itself_as_it_is():
    text = Explanation("a\nb")

    assert "a\nb" == repr(text) == str(text)


def test_calls_that_come_in_turn_are_all_met():
    assert {0, 1, 2, 3} == {(call * explain.EVERY) % 4 for call in range(8)}


def test_it_says_which_layers_are_done_in_one_call_with_the_store():
    buffer = DequeBuffer(4, storage=ColumnStorage()).use(use_time_check(), PriorityExperienceReplay())
    expected = "(in one call with the store where it is plain: sample (the last 2) and update (the last 1)"
    assert (expected in buffer.explain()) is (kernel_info()["name"] == "c")
    assert "in one call" not in DequeBuffer(4).use(use_time_check()).explain()

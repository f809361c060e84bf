from __future__ import annotations

import math
import threading

import pytest
from easydict import EasyDict
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.errors import ConfigError
from ding_buffer.replay.thruput_controller import ThruputController
from ding_buffer.structures.clock import ManualClock


def made(clock: ManualClock | None = None, window: float = 5, **limits: float) -> ThruputController:
    cfg = {"push_sample_rate_limit": limits, "window_seconds": window, "sample_min_limit_ratio": 1.5}
    return ThruputController(cfg, clock or ManualClock())


def test_a_push_that_would_lift_the_ratio_above_the_maximum_is_refused():
    controller = made(max=2, min=0.5)
    controller.history_push_count = 50
    controller.history_sample_count = 30

    assert (True, "Can push.") == controller.can_push(10)
    allowed, why = controller.can_push(11)
    assert not allowed
    assert "push(50+11) / sample(30) > limit_max(2)" == why


def test_a_sample_that_would_drop_the_ratio_below_the_minimum_is_refused():
    controller = made(max=2, min=0.5)
    controller.history_push_count = 30
    controller.history_sample_count = 57

    assert (True, "Can sample.") == controller.can_sample(3)
    allowed, why = controller.can_sample(4)
    assert not allowed
    assert "push(30) / sample(57+4) < limit_min(0.5)" == why


def test_the_limits_are_of_pushes_for_each_sample_not_the_other_way_round():
    # The comment beside DI-engine's config says samples per push (contract 2.3, 5.7); its code says this.
    controller = made(max=2, min=0.5)
    controller.history_push_count, controller.history_sample_count = 100, 10
    assert (False, True) == (controller.can_push(1)[0], controller.can_sample(1)[0])

    controller.history_push_count, controller.history_sample_count = 10, 100
    assert (True, False) == (controller.can_push(1)[0], controller.can_sample(1)[0])


def test_any_number_may_be_pushed_while_nothing_was_sampled_lately():
    clock = ManualClock()
    controller = made(clock, max=2, min=0)
    assert controller.can_push(10**6)[0]

    controller.history_push_count, controller.history_sample_count = 1000, 1
    assert not controller.can_push(1)[0]
    clock.advance(15)  # the sample is worth a millionth
    assert controller.can_push(1)[0]


def test_without_limits_everything_is_allowed_from_the_start():
    controller = ThruputController(clock=ManualClock())

    assert controller.can_push(10**9)[0]
    assert controller.can_sample(10**9)[0]
    controller.history_sample_count += 1
    assert controller.can_push(10**9)[0]


def test_nothing_asked_for_of_nothing_pushed_is_no_error():
    # DI-engine's divides by zero.
    assert made(max=2, min=0.5).can_sample(0)[0]


def test_counts_fade_to_a_hundredth_in_a_window_and_the_ratio_stays():
    clock = ManualClock()
    controller = made(clock, window=30, max=2, min=0.5)
    controller.history_push_count += 300
    controller.history_sample_count += 200
    clock.advance(30)

    assert 3.0 == pytest.approx(controller.history_push_count)
    assert 2.0 == pytest.approx(controller.history_sample_count)
    assert controller.can_push(0)[0]
    assert controller.can_push(1)[0]
    assert not controller.can_push(2)[0]


def test_counts_can_be_added_to_as_the_original_ones():
    clock = ManualClock()
    controller = made(clock, window=10)
    controller.history_push_count += 100
    clock.advance(10)
    controller.history_push_count += 7

    assert 8.0 == pytest.approx(controller.history_push_count)


@given(
    pushed=st.integers(0, 1000),
    sampled=st.integers(0, 1000),
    asked=st.integers(0, 1000),
    most=st.sampled_from([0.5, 1, 2.0, math.inf]),
    least=st.sampled_from([0, 0.125, 0.5]),
)
def test_it_agrees_with_the_ratio_worked_out_as_the_original_does(pushed, sampled, asked, most, least):
    controller = made(max=most, min=least)
    controller.history_push_count, controller.history_sample_count = pushed, sampled
    push = sampled == 0 or (pushed + asked) / sampled <= most
    sample = sampled + asked == 0 or pushed / (sampled + asked) >= least

    assert (push, sample) == (controller.can_push(asked)[0], controller.can_sample(asked)[0])


def test_there_is_no_thread_and_close_may_come_at_any_time():
    # T3: each closed one of DI-engine's leaked its thread.
    before = set(threading.enumerate())
    controller = made(max=2, min=0.5)
    assert not set(threading.enumerate()) - before
    controller.close()
    controller.close()

    assert controller.can_push(1)[0]


@pytest.mark.parametrize("wrap", [dict, EasyDict])
def test_a_plain_dict_serves_as_well_as_an_easydict_and_the_rest_are_defaults(wrap):
    clock = ManualClock()
    controller = ThruputController(wrap({"push_sample_rate_limit": {"max": 2}}), clock)
    controller.history_push_count, controller.history_sample_count = 300, 100
    clock.advance(30)

    assert 1 == controller.sample_min_limit_ratio
    assert 3.0 == pytest.approx(controller.history_push_count)
    assert not controller.can_push(0)[0]
    assert controller.can_sample(10**6)[0]


@pytest.mark.parametrize(
    ("cfg", "where"),
    [
        ({"push_sample_rate_limit": {"min": -1}}, "push_sample_rate_limit.min"),
        (
            {"push_sample_rate_limit": {"min": 3, "max": 2}},
            "push_sample_rate_limit: .* at most max, 2, got 3",
        ),
        ({"push_sample_rate_limit": {"min": math.inf}}, "push_sample_rate_limit.min"),
        ({"push_sample_rate_limit": {"max": math.nan}}, "push_sample_rate_limit.max"),
        ({"push_sample_rate_limit": {"max": "2"}}, "push_sample_rate_limit.max"),
        ({"push_sample_rate_limit": 2}, "push_sample_rate_limit: expected a mapping"),
        ({"window_seconds": 0}, "window_seconds"),
        ({"window_seconds": True}, "window_seconds"),
        ({"sample_min_limit_ratio": 0.5}, "sample_min_limit_ratio"),
        ({"window_second": 5}, "window_second: unknown key; did you mean window_seconds"),
        (3, "The cfg of ThruputController is a mapping, got 3"),
    ],
)
def test_impossible_limits_are_refused(cfg, where):
    with pytest.raises(ConfigError, match=where):
        ThruputController(cfg, ManualClock())

from __future__ import annotations

import copy
import logging
import math
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import (
    BadArgument,
    CorruptSnapshot,
    NotEnoughItems,
    RateLimited,
)
from ding_buffer.middleware.pad import padding
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.rate_limits import rate_limit
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.testing.middleware_suite import MiddlewareSuite
from tests.middleware.rate_limited import STORAGES, made
from tests.middleware.side_threads import running, until


class TestRateLimit(MiddlewareSuite):
    def make_layer(self):
        return rate_limit(4, slack=1e6, mode="refuse")


class TestRateLimitOfSamplesOnly(MiddlewareSuite):
    def make_layer(self):
        return rate_limit(1e5, sides="sample", mode="refuse")


class TestRateLimitWithoutRatio(MiddlewareSuite):
    def make_layer(self):
        return rate_limit(mode="refuse")


# Refusing.


@STORAGES
def test_nothing_is_sampled_before_the_smallest_number_is_there(storage):
    buffer, layer = made(min_size=5, mode="refuse", held=4, storage=storage())

    with pytest.raises(RateLimited, match="min_size=5 items must be in the buffer, there are 4"):
        buffer.sample(2)
    buffer.push(4)

    assert 2 == len(buffer.sample(2))
    assert 2 == layer.stats()["refused_samples"]


@STORAGES
@pytest.mark.parametrize("size", [3, np.int64(3), np.array(3), np.uint8(3)])
def test_a_size_of_any_kind_of_whole_number_is_held_back(storage, size):
    buffer, layer = made(min_size=5, mode="refuse", storage=storage())
    for number in range(4):
        buffer.push(number, meta={"env": 0})

    with pytest.raises(RateLimited, match="a sample of 3 items"):
        buffer.sample(size)
    with pytest.raises(RateLimited, match="a sample of 6 items"):
        buffer.sample(size, groupby="env", unroll_len=np.int64(2))
    assert 9 == layer.stats()["refused_samples"]
    buffer.push(4, meta={"env": 0})
    assert 3 == len(buffer.sample(size))


@STORAGES
def test_an_item_that_is_asked_for_by_its_index_alone_is_held_back_too(storage):
    buffer, layer = made(min_size=5, mode="refuse", held=4, storage=storage())
    index = buffer[0].index

    for asked in (index, [index]):
        with pytest.raises(RateLimited, match="a sample of 1 item"):
            buffer.sample(indices=asked)
    assert 2 == layer.stats()["refused_samples"]


@pytest.mark.parametrize("ratio", [2, 2.0, np.float32(2), np.int64(2), np.float64(2)])
def test_a_ratio_may_be_any_kind_of_number(ratio):
    buffer, _ = made(ratio, slack=np.float32(4), min_size=0, mode="refuse", held=2)

    assert buffer.push(3) is None
    assert 4 == len(buffer.sample(4, replace=True))
    assert buffer.push(3) is not None


@STORAGES
def test_whoever_is_too_far_ahead_is_refused_and_counted(storage):
    buffer, layer = made(2, slack=6, min_size=4, mode="refuse", held=7, storage=storage())

    assert buffer.push(7) is None
    assert 7 == len(buffer)
    assert 1 == layer.stats()["refused_pushes"]
    buffer.sample(2)
    assert buffer.push(7) is not None
    for _ in range(3):
        buffer.sample(4)
    with pytest.raises(RateLimited):
        buffer.sample(1)
    assert (8, 14, -6.0) == tuple(layer.stats()[key] for key in ("pushed", "sampled", "ahead"))


@STORAGES
def test_many_pushed_at_once_go_whole_or_not_at_all(storage):
    buffer, layer = made(1, slack=10, min_size=2, mode="refuse", storage=storage())

    assert 12 == len(buffer.extend(np.arange(12)))
    assert [] == buffer.extend(np.arange(2))
    buffer.sample(1)
    assert [] == buffer.extend(iter(range(2)))
    assert 1 == len(buffer.extend(np.arange(1)))
    assert (13, 4) == (len(buffer), layer.stats()["refused_pushes"])


def test_a_batch_counts_what_it_holds_however_it_was_asked_for():
    buffer, layer = made(1, slack=1e6, mode="refuse", size=60)
    buffer.extend(range(60), meta={"env": [number % 3 for number in range(60)]})
    counts = []
    for query in (
        {"size": 7},
        {"size": 2, "groupby": "env"},
        {"size": 2, "groupby": "env", "unroll_len": 4},
        {"size": 9, "replace": True},
        {"indices": [buffer[3].index, buffer[5].index]},
        {"indices": iter([buffer[3].index])},
        {"indices": buffer.sample(3)[0].index},
    ):
        before = layer.stats()["sampled"]
        buffer.sample(**query)
        counts.append(layer.stats()["sampled"] - before)

    assert [7, 40, 8, 9, 2, 1, 1] == counts


def test_groups_of_unknown_size_leave_the_slack_once_and_are_made_up_for():
    buffer, layer = made(1, slack=10, min_size=30, mode="refuse")
    buffer.extend(range(30), meta={"env": [number % 3 for number in range(30)]})
    buffer.sample(2, groupby="env")

    assert -20.0 == layer.stats()["ahead"]
    with pytest.raises(RateLimited):
        buffer.sample(1, groupby="env")
    for number in range(11):
        buffer.push(number)
    assert 1 == len(buffer.sample(1))


def test_fillers_of_columns_are_no_samples():
    buffer = DequeBuffer(20, storage=ColumnStorage(), seed=0)
    layer = rate_limit(1, slack=1e6, mode="refuse")
    buffer.use(padding("none"), layer)
    buffer.extend(range(9), meta={"env": [0] * 6 + [1] * 3})

    assert 12 == buffer.sample(2, groupby="env").slots.size
    assert 9 == layer.stats()["sampled"]


def test_an_empty_batch_comes_instead_of_an_error_where_the_caller_says_so(caplog):
    buffer, _ = made(min_size=5, mode="refuse")
    with caplog.at_level(logging.WARNING):
        assert [] == buffer.sample(2, ignore_insufficient=True)
    assert "min_size=5" in caplog.text

    patient, _ = made(min_size=5, timeout=0)
    assert [] == patient.sample(2, ignore_insufficient=True)


@pytest.mark.parametrize("size", [0, -1, "three", None, 1.5])
def test_a_query_that_makes_no_sense_is_left_to_the_buffer(size):
    plain, (buffer, _) = DequeBuffer(9, seed=0), made(min_size=5)
    plain.extend(range(3))
    buffer.extend(range(3))

    def outcome(asked: DequeBuffer) -> Any:
        try:
            return asked.sample(size)
        except (TypeError, ValueError) as error:
            return type(error)

    assert outcome(plain) == outcome(buffer)


def test_what_a_layer_further_in_refuses_is_not_counted():
    buffer = DequeBuffer(9, seed=0)
    layer = rate_limit(1, slack=3, mode="refuse")
    buffer.use(layer, PriorityExperienceReplay())
    for _ in range(20):
        with pytest.raises(ValueError, match="priority"):
            buffer.push(1, meta={"priority": math.nan})

    assert 0 == layer.stats()["pushed"]
    assert buffer.push(1) is not None


def test_a_sample_that_comes_up_short_lets_as_many_pushes_pass_as_it_lacks():
    buffer, layer = made(8, slack=8, mode="refuse", held=2)
    assert buffer.push(2) is None

    with pytest.raises(NotEnoughItems) as short:
        buffer.sample(16)
    assert not isinstance(short.value, RateLimited)
    assert 16 == sum(buffer.push(number) is not None for number in range(40))
    assert 16 == len(buffer.sample(16))
    assert buffer.push(1) is None
    assert 18 == layer.stats()["pushed"]


@pytest.mark.parametrize("storage", [ObjectStorage, ColumnStorage])
def test_without_a_slack_pushes_and_batches_take_turns(storage):
    buffer, layer = made(4, min_size=8, mode="refuse", storage=storage(), held=8)
    pushed, sampled = 8, 0
    for _ in range(300):
        try:
            buffer.sample(16, replace=True)
            sampled += 16
        except RateLimited:
            assert buffer.push(1) is not None
            pushed += 1
            while buffer.push(1) is not None:
                pushed += 1
        assert abs(pushed * 4 - 32 - sampled) <= 16
    assert 4 == pytest.approx(sampled / pushed, rel=0.05)
    assert (pushed, sampled) == (layer.stats()["pushed"], layer.stats()["sampled"])


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"min_size": -1}, "min_size"),
        ({"min_size": 1.5}, "min_size"),
        ({"samples_per_insert": 0}, "samples_per_insert"),
        ({"samples_per_insert": -1}, "samples_per_insert"),
        ({"samples_per_insert": math.inf}, "samples_per_insert"),
        ({"samples_per_insert": math.nan}, "samples_per_insert"),
        ({"samples_per_insert": True}, "samples_per_insert"),
        ({"samples_per_insert": 8, "slack": 7.9}, "slack must be at least 8"),
        ({"samples_per_insert": 0.1, "slack": 0.9}, "slack must be at least 1"),
        ({"samples_per_insert": 1, "slack": math.nan}, "slack"),
        ({"slack": 5}, "slack says how samples_per_insert"),
        ({"sides": "push"}, "sides says how samples_per_insert"),
        ({"samples_per_insert": 1, "sides": "left"}, "sides"),
        ({"mode": "hope"}, "mode"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": math.nan}, "timeout"),
    ],
)
def test_impossible_settings_are_refused(settings, match):
    with pytest.raises(BadArgument, match=match):
        rate_limit(**settings)


# Life.


def test_items_that_are_there_count_as_pushed_and_sampled_in_balance():
    buffer = DequeBuffer(100, seed=0)
    buffer.extend(range(90))
    layer = rate_limit(4, slack=8, min_size=10, mode="refuse")
    buffer.use(layer)

    assert (0.0, 0) == (layer.stats()["ahead"], layer.stats()["pushed"])
    assert [True, True, False] == [buffer.push(number) is not None for number in range(3)]


def test_what_is_loaded_without_its_state_is_in_balance_and_clear_begins_anew():
    buffer, layer = made(4, slack=8, min_size=10, mode="refuse", held=12)
    assert 8.0 == layer.stats()["ahead"]
    buffer.view().load_state_dict(buffer.view().state_dict())
    assert 0.0 == layer.stats()["ahead"]
    buffer.clear()
    assert -40.0 == layer.stats()["ahead"]
    with pytest.raises(RateLimited):
        buffer.sample(1)


@pytest.mark.parametrize("by_file", [True, False])
def test_a_resumed_run_goes_on_where_it_stood(by_file, tmp_path):
    buffer, layer = made(4, slack=12, min_size=10, mode="refuse", held=12)
    buffer.sample(3)
    assert buffer.push(1) is not None
    assert buffer.push(1) is None
    resumed, other = made(4, slack=12, min_size=10, mode="refuse")
    if by_file:
        buffer.save_data(tmp_path / "saved")
        resumed.load_data(tmp_path / "saved")
    else:
        resumed.load_state_dict(copy.deepcopy(buffer.state_dict()))

    assert {**layer.stats(), "push_seconds": 0.0, "sample_seconds": 0.0} == other.stats()
    for one in (buffer, resumed):
        assert one.push(1) is None
        assert 3 == len(one.sample(3))


@pytest.mark.parametrize(
    "damage", [{"ratio": {}}, {"counts": {}}, {"counts": {"refused_pushes": -1}}, {"ratio": None}], ids=repr
)
def test_a_damaged_state_is_refused_and_changes_nothing(damage):
    buffer, _ = made(4, slack=12, min_size=10, mode="refuse", held=12)
    state = copy.deepcopy(buffer.state_dict())
    state["layers"][0]["state"].update(damage)
    before = buffer.state_dict()["layers"]

    with pytest.raises(CorruptSnapshot, match="rate_limit"):
        buffer.load_state_dict(state)
    assert before == buffer.state_dict()["layers"]


def test_a_copy_is_not_waited_for_by_those_who_wait_for_the_original():
    buffer, layer = made(min_size=2)
    with running(lambda: buffer.sample(1)):
        until(lambda: layer.why_blocked() is not None)
        twin = copy.deepcopy(buffer)
        assert twin._middleware[0].why_blocked() is None
        twin.extend(range(5))
        assert 1 == len(twin.sample(1))
        assert layer.why_blocked() is not None
        buffer.extend(range(2))


def test_before_it_is_used_nobody_waits():
    layer = rate_limit(2)
    layer.release()
    layer.resume()

    assert layer.why_blocked() is None

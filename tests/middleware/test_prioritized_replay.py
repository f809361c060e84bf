"""Priorities as they are given, and what is refused; weights, draws, groups, life: see the other files."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, BadPriority, BadQuery, ChainError, NotEnoughItems
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.testing.middleware_suite import MiddlewareSuite
from tests.middleware.prioritized import buffer_with


class TestPrioritizedReplay(MiddlewareSuite):
    def make_layer(self):
        return PriorityExperienceReplay()

    def meta(self, number):
        return {"priority": float(number * 7 % 5)}


class TestPrioritizedReplayByRank(TestPrioritizedReplay):
    def make_layer(self):
        return PriorityExperienceReplay(mode="rank", stratified=False, group_mass="mix")

    def payload(self, number):
        return f"payload {number}"


class TestPrioritizedReplayWithoutPriorities(MiddlewareSuite):
    kinds = ("windows", "groups", "range")

    def make_layer(self):
        return PriorityExperienceReplay(group_mass="mix", epsilon=0.0, IS_weight=False)


NOT_PRIORITIES = [math.nan, math.inf, -math.inf, -1.0, "2.0", b"1", [1.0, 2.0], 1j, 10**400, object()]


def everything_about(buffer: DequeBuffer, layer: PriorityExperienceReplay) -> object:
    """What must not change when something is refused."""
    items = [(item.index, item.data, dict(item.meta)) for item in buffer]
    masses = layer._sampler.masses(buffer.store.live()).tolist()
    return items, masses, layer.state_dict(), buffer.stats()


def test_an_item_without_priority_gets_the_highest_so_far():
    layer = PriorityExperienceReplay()
    buffer = DequeBuffer(10, seed=0).use(layer)

    first = buffer.push("a")
    buffer.push("b", {"priority": 5.0})
    second = buffer.push("c", {"env": 1})
    buffer.update(first.index, meta={"priority": 7.5})
    third = buffer.push("d", {"priority": None})
    fourth, fifth = buffer.extend(["e", "f"], meta={"priority": [8.5, None]})
    buffer.delete(first.index)
    sixth = buffer.push("g")

    later = [second, third, fourth, fifth, sixth]
    assert [5.0, 7.5, 8.5, 8.5, 8.5] == [item.meta["priority"] for item in later]


def test_clear_starts_the_running_maximum_anew():
    buffer = buffer_with(PriorityExperienceReplay())
    buffer.clear()

    assert 1.0 == buffer.push("a").meta["priority"]


@pytest.mark.parametrize("mode", ["proportional", "rank"])
@pytest.mark.parametrize("priority", NOT_PRIORITIES, ids=lambda value: repr(value)[:8])
def test_what_is_no_priority_raises_and_changes_nothing(mode, priority):
    layer = PriorityExperienceReplay(mode=mode)
    buffer = buffer_with(layer, size=8)
    items = list(buffer)
    attempts = [
        lambda: buffer.push("x", {"priority": priority}),
        lambda: buffer.push({"priority": priority}),
        lambda: buffer.extend(["x", "y"], [{"priority": 2.0}, {"priority": priority}]),
        lambda: buffer.update(items[0].index, data="x", meta={"priority": priority}),
        lambda: buffer.update(
            [i.index for i in items[:2]], data=["x", "y"], meta={"priority": [2.0, priority]}
        ),
        lambda: buffer.update("gone", meta={"priority": priority}),
    ]
    before = everything_about(buffer, layer)

    for attempt in attempts:
        with pytest.raises(BadPriority):
            attempt()

    assert before == everything_about(buffer, layer)


def test_a_bad_priority_is_caught_by_what_caught_it_in_di_engine():
    buffer = buffer_with(PriorityExperienceReplay())

    for kind in (ValueError, AssertionError):
        with pytest.raises(kind):
            buffer.push("x", {"priority": -1})


@pytest.mark.parametrize("mode", ["proportional", "rank"])
def test_many_priorities_are_taken_in_one_call_in_any_form(mode):
    layer = PriorityExperienceReplay(mode=mode)
    buffer = buffer_with(layer)
    indices = [item.index for item in buffer]

    for column in ([5, 4, 3, 2, 1], (5.0, 4.0, 3.0, 2.0, 1.0), np.array([5, 4, 3, 2, 1], dtype=np.float32)):
        there = buffer.update(indices, meta={"priority": column})
        assert [True] * 5 == there.tolist()
        assert [5.0, 4.0, 3.0, 2.0, 1.0] == [item.meta["priority"] for item in buffer]
    buffer.update((index for index in indices), meta={"priority": 2.5})

    assert [2.5] * 5 == layer._sampler.priorities(buffer.store.live()).tolist()


def test_a_tensor_of_priorities_is_taken():
    torch = pytest.importorskip("torch")
    buffer = buffer_with(PriorityExperienceReplay())
    indices = [item.index for item in buffer]

    buffer.update(indices, meta={"priority": torch.arange(5)})
    buffer.update(indices[4], meta={"priority": torch.tensor(9)})

    assert [0.0, 1.0, 2.0, 3.0, 9.0] == [item.meta["priority"] for item in buffer]


def test_of_two_priorities_for_one_index_the_last_stays():
    layer = PriorityExperienceReplay()
    buffer = buffer_with(layer)

    buffer.update([buffer[0].index] * 2, meta={"priority": [8.0, 2.0]})

    assert 2.0 == buffer[0].meta["priority"] == layer._sampler.priorities(buffer.store.live())[0]


def test_a_meta_without_priority_keeps_the_priority_it_replaces():
    layer = PriorityExperienceReplay()
    buffer = buffer_with(layer)

    buffer.update(buffer[3].index, meta={"env": 2})
    buffer.update([buffer[4].index], meta={"env": [3]})

    assert [{"env": 2, "priority": 3.0}, {"priority": 10.0, "env": 3}] == [item.meta for item in buffer[3:]]
    assert [3.0, 10.0] == layer._sampler.priorities(buffer.store.live())[3:].tolist()


def test_a_late_update_returns_false_is_counted_and_does_not_raise_the_maximum():
    layer = PriorityExperienceReplay()
    buffer = buffer_with(layer, size=5)
    evicted, gone = buffer[0].index, buffer[2].index
    buffer.push("new", {"priority": 1.0})
    buffer.delete(gone)
    kept = buffer[0].index

    assert buffer.update(evicted, meta={"priority": 99.0}) is False
    assert [False, True, False] == buffer.update(
        [gone, kept, "?"], meta={"priority": [98, 0.25, 97]}
    ).tolist()
    assert 10.0 == layer.max_priority
    assert 3 == buffer.stats()["late_updates"]
    assert 0.25 == layer._sampler.priorities(buffer.store.live())[0]


@pytest.mark.parametrize("outside", [True, False])
def test_a_layer_that_refuses_pushes_leaves_no_phantom(outside):
    full: list[str] = []

    def limiter(action, chain, *args, **kwargs):
        if action == "push" and len(full) >= 3:
            return None
        full.append(action)
        return chain(*args, **kwargs)

    layer = PriorityExperienceReplay()
    buffer = DequeBuffer(10, seed=0).use(*((limiter, layer) if outside else (layer, limiter)))

    pushed = [buffer.push(number, {"priority": 50.0 if number > 2 else 1.0}) for number in range(6)]
    refused = buffer.extend([6, 7])

    assert [True] * 3 + [False] * 3 == [item is not None for item in pushed]
    assert [None, None] == refused
    assert 3 == len(layer._sampler) == len(buffer)
    assert 1.0 == layer.max_priority
    assert {0, 1, 2} == {item.data for item in buffer.sample(100)}


@pytest.mark.parametrize("outside", [True, False])
def test_a_layer_that_raises_on_push_leaves_no_phantom(outside):
    def broken(action, chain, *args, **kwargs):
        if action == "push":
            raise OSError("disk full")
        return chain(*args, **kwargs)

    layer = PriorityExperienceReplay()
    buffer = DequeBuffer(10, seed=0).use(*((broken, layer) if outside else (layer, broken)))

    with pytest.raises(OSError, match="disk full"):
        buffer.push("a", {"priority": 5.0})

    assert (0, 0, 1.0) == (len(layer._sampler), len(buffer), layer.max_priority)


def test_indices_are_fetched_as_asked():
    buffer = buffer_with(PriorityExperienceReplay())
    indices = [buffer[4].index, buffer[0].index]

    assert [4, 0] == [item.data for item in buffer.sample(indices=indices)]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"size": 0}, BadQuery),
        ({"size": -1}, BadArgument),
        ({"size": 1.5}, BadArgument),
        ({"size": 1, "unroll_len": 2}, BadQuery),
        ({"size": 1, "groupby": "env", "unroll_len": -2}, BadArgument),
        ({"size": 1, "groupby": "env", "unroll_len": 1.5}, BadArgument),
        ({"size": 1, "groupby": 7}, BadArgument),
        ({"size": 1, "groupby": ["env"]}, BadArgument),
        ({"size": 1, "groupby": "env"}, NotEnoughItems),
        ({"size": 1, "sample_range": slice(100, None)}, NotEnoughItems),
        ({"size": 1, "sample_range": 3}, BadArgument),
        ({"size": 1, "no_such_keyword": 3}, TypeError),
    ],
    ids=repr,
)
def test_a_query_that_cannot_be_raises_what_the_buffer_raises(query, error):
    with pytest.raises(error):
        buffer_with(PriorityExperienceReplay()).sample(**query)


def test_a_shortage_can_be_ignored():
    buffer = DequeBuffer(3, seed=0).use(PriorityExperienceReplay())

    assert [] == buffer.sample(2, ignore_insufficient=True)
    assert [] == buffer.sample(2, groupby="env", ignore_insufficient=True)


@pytest.mark.parametrize("meta", [[1], "meta", 5])
def test_a_meta_that_is_no_dict_is_refused(meta):
    with pytest.raises(BadArgument):
        DequeBuffer(3).use(PriorityExperienceReplay()).push("a", meta)


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "ranked"},
        {"group_mass": "max"},
        {"priority_power_factor": -0.1},
        {"priority_power_factor": math.nan},
        {"IS_weight_power_factor": 1.1},
        {"IS_weight_power_factor": "0.4"},
        {"IS_weight_anneal_train_iter": -1},
        {"epsilon": math.inf},
        {"eta": True},
    ],
    ids=repr,
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(BadArgument, match=next(iter(settings))):
        PriorityExperienceReplay(**settings)


def test_it_is_bound_to_one_chain_and_once():
    buffer, other = DequeBuffer(3), DequeBuffer(3)
    layer = PriorityExperienceReplay(buffer)

    with pytest.raises(ChainError, match="another buffer"):
        other.use(layer)
    buffer.use(layer)
    with pytest.raises(ChainError, match="twice"):
        buffer.use(PriorityExperienceReplay())
    with pytest.raises(ChainError, match="in use"):
        buffer.view().use(layer)


def test_an_exponent_that_would_leave_the_last_rank_without_mass_is_refused_where_it_is_used():
    buffer = DequeBuffer(1000)

    with pytest.raises(BadArgument, match="priority_power_factor"):
        buffer.use(PriorityExperienceReplay(priority_power_factor=200.0, mode="rank"))
    assert [] == buffer._middleware

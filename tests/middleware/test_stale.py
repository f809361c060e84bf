from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, ChainError, MissingMeta, NotEnoughItems, UnknownArgument
from ding_buffer.middleware.clone import clone_object
from ding_buffer.middleware.stale import staleness_check
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.testing.middleware_suite import MiddlewareSuite

KEY = "train_iter_data_collected"


class TestStalenessCheck(MiddlewareSuite):
    query: Mapping[str, Any] = {"train_iter_sample_data": 1000}

    def make_layer(self):
        return staleness_check(max_staleness=100_000)

    def meta(self, number):
        return {KEY: number}


class TestStalenessCheckWithoutLimit(TestStalenessCheck):
    def make_layer(self):
        return staleness_check()


def filled(iterations, limit: float, size: int | None = None) -> DequeBuffer:
    buffer = DequeBuffer(size or len(iterations), seed=0).use(staleness_check(max_staleness=limit))
    buffer.extend(range(len(iterations)), meta={KEY: list(iterations)})
    return buffer


def ages(buffer: DequeBuffer) -> list:
    return [item.meta[KEY] for item in buffer]


def test_only_what_is_older_than_the_limit_goes():
    buffer = filled(range(10), 4)

    batch = buffer.sample(5, train_iter_sample_data=9)

    assert [5, 6, 7, 8, 9] == ages(buffer)
    assert {item.data: 9 - item.data for item in batch} == {
        item.data: item.meta["staleness"] for item in batch
    }
    assert 5 == buffer.stats()["staleness_check"]["stale"]


def test_stale_items_go_even_where_the_batch_is_then_short():
    buffer = filled(range(10), 4)

    with pytest.raises(NotEnoughItems):
        buffer.sample(5, train_iter_sample_data=12)

    assert [8, 9] == ages(buffer)
    assert [] == buffer.sample(3, train_iter_sample_data=12, ignore_insufficient=True)


def test_iterations_need_not_come_in_order():
    iterations = [5, 0, 9, 0, 7, 3, 3, 8, 1, 9.5]
    for now in range(6, 16):
        buffer = filled(iterations, 4)
        buffer.sample(1, replace=True, train_iter_sample_data=now, ignore_insufficient=True)
        assert [number for number in iterations if now - number <= 4] == ages(buffer)


def test_an_earlier_iteration_deletes_nothing_more():
    buffer = filled(range(10), 4)
    buffer.sample(1, train_iter_sample_data=8)
    (item,) = buffer.sample(1, train_iter_sample_data=2)

    assert [4, 5, 6, 7, 8, 9] == ages(buffer)
    assert 2 - item.meta[KEY] == item.meta["staleness"]


@pytest.mark.parametrize("elsewhere", [True, False])
def test_an_update_of_the_iteration_counts(elsewhere):
    buffer = filled(range(6), 3)
    where = buffer.view() if elsewhere else buffer
    where.update(buffer[0].index, meta={KEY: 9})
    where.update([buffer[1].index, buffer[5].index], meta={KEY: [8, 0]})
    buffer.sample(1, train_iter_sample_data=7)

    assert [9, 8, 4] == ages(buffer)


def test_an_update_may_not_take_the_age_away():
    buffer = filled(range(6), 3)
    index = buffer[0].index
    attempts = [
        lambda: buffer.update(index, meta={"note": 1}),
        lambda: buffer.update(index, meta={KEY: "old"}),
        lambda: buffer.update([index, buffer[1].index], meta={KEY: [3, math.nan]}),
        lambda: buffer.update((text for text in [index]), meta={KEY: None}),
    ]
    for attempt in attempts:
        with pytest.raises(MissingMeta, match=KEY):
            attempt()

    assert [0, 1, 2, 3, 4, 5] == ages(buffer)
    assert buffer.update(index, data="new") is True
    assert [True] == buffer.update([index], meta={"note": [1]}).tolist()
    buffer.sample(1, train_iter_sample_data=4)
    assert [1, 2, 3, 4, 5] == ages(buffer)


@pytest.mark.parametrize(
    "meta", [None, {}, {"env": 1}, {KEY: None}, {KEY: math.nan}, {KEY: "3"}, {KEY: True}, [1]]
)
def test_a_push_that_does_not_tell_its_iteration_is_refused(meta):
    buffer = filled(range(3), 5, size=8)

    with pytest.raises(MissingMeta, match=KEY):
        buffer.push("x", meta)
    assert 3 == len(buffer)
    if not isinstance(meta, list):
        with pytest.raises(MissingMeta, match=KEY):
            buffer.extend("xyz", [{KEY: 1}, meta, {KEY: 2}])
        assert 3 == len(buffer)


def test_meta_may_be_positional_and_the_callers_dict_stays():
    buffer, meta = filled([], 5, size=4), {KEY: 3}
    buffer.push("a", meta)

    assert [3] == ages(buffer)
    assert {KEY: 3} == meta


@pytest.mark.parametrize("iteration", [None, "9", math.nan, [9]])
def test_a_sample_without_its_iteration_is_refused(iteration):
    with pytest.raises(BadArgument, match="train_iter_sample_data"):
        filled(range(3), 5).sample(2, train_iter_sample_data=iteration)


def test_without_the_layer_the_keyword_is_unknown():
    with pytest.raises(UnknownArgument, match="train_iter_sample_data"):
        DequeBuffer(3).sample(1, train_iter_sample_data=3)


def test_numbers_of_numpy_are_iterations():
    buffer = filled([np.int64(1), np.float32(5)], 2)
    (item,) = buffer.sample(1, train_iter_sample_data=np.int32(6))

    assert 1 == item.data == item.meta["staleness"]


def test_staleness_is_noted_in_groups_too():
    buffer = DequeBuffer(8, seed=0).use(staleness_check(max_staleness=5))
    buffer.extend(range(8), meta=[{KEY: number, "env": number % 2} for number in range(8)])

    for group in buffer.sample(2, groupby="env", train_iter_sample_data=9):
        assert [9 - item.data for item in group] == [item.meta["staleness"] for item in group]
    assert [4, 5, 6, 7] == ages(buffer)


@pytest.mark.parametrize("outside", [True, False])
def test_it_works_with_clones(outside):
    layers = [staleness_check(max_staleness=2), clone_object()]
    buffer = DequeBuffer(8, seed=0).use(*(layers if outside else layers[::-1]))
    buffer.extend(range(6), meta={KEY: list(range(6))})
    batch = buffer.sample(3, train_iter_sample_data=5)

    assert {3: 2, 4: 1, 5: 0} == {item.data: item.meta["staleness"] for item in batch}
    assert 3 == len(buffer)


def test_deletion_goes_through_the_whole_chain_in_one_call():
    seen = []

    def watch(action, chain, *args, **kwargs):
        seen.append((action, len(args[0])) if action == "delete" else action)
        return chain(*args, **kwargs)

    buffer = DequeBuffer(8, seed=0).use(watch, staleness_check(max_staleness=2))
    buffer.extend(range(6), meta={KEY: [0, 5, 1, 5, 2, 5]})
    buffer.sample(1, train_iter_sample_data=5)

    assert ["push"] * 6 + ["sample", ("delete", 3)] == seen


def test_what_another_view_pushes_goes_stale_as_well_and_what_tells_no_iteration_never():
    buffer = filled(range(3), 2, size=9)
    view = buffer.view()
    view.push("old", {KEY: 0})
    view.push("ageless")
    view.push("strange", {KEY: "yesterday"})

    batch = buffer.sample(2, sample_range=slice(-2, None), train_iter_sample_data=50)

    assert ["ageless", "strange"] == [item.data for item in buffer]
    assert not any("staleness" in item.meta for item in batch)


def test_attached_late_it_takes_the_items_in():
    buffer = DequeBuffer(6, seed=0)
    buffer.extend(range(6), meta={KEY: [4, 0, 5, 1, 5, 5]})
    buffer.use(staleness_check(max_staleness=2))
    buffer.sample(1, train_iter_sample_data=5)

    assert [4, 5, 5, 5] == ages(buffer)


@pytest.mark.parametrize("meta", [None, {KEY: "x"}])
def test_attached_late_it_refuses_items_of_unknown_age(meta):
    buffer = DequeBuffer(6)
    buffer.push(0, {KEY: 1})
    buffer.push(1, meta)

    with pytest.raises(ChainError, match="1 items"):
        buffer.use(staleness_check(max_staleness=2))
    assert [] == buffer._middleware
    buffer.delete(buffer[1].index)
    buffer.use(staleness_check(max_staleness=2))


def test_its_memory_stays_within_the_buffer_whatever_happens():
    layer = staleness_check(max_staleness=1_000_000)
    buffer = DequeBuffer(20, seed=0).use(layer)
    for step in range(3000):
        buffer.push(step, {KEY: step})
        buffer.update([item.index for item in buffer[:5]], meta={KEY: step})
        assert layer._entries <= 2 * 20 + 64 + 5
        assert layer._entries == sum(len(serials) for serials in layer._collected.values())
        assert len(layer._iterations) == len(layer._collected)
    buffer.clear()

    assert 0 == layer._entries == len(layer._iterations)


def test_what_is_left_agrees_with_a_plain_list_over_many_operations():
    rng = np.random.default_rng(0)
    buffer, twin = DequeBuffer(15, seed=0).use(staleness_check(max_staleness=20)), {}
    for now in range(1500):
        age = now - int(rng.integers(30))
        twin[buffer.push(now, {KEY: age}).index] = age
        twin = {index: twin[index] for index in list(twin)[-15:]}
        if now % 4 == 0:
            index = list(twin)[int(rng.integers(len(twin)))]
            twin[index] = now - int(rng.integers(30))
            buffer.update(index, meta={KEY: twin[index]})
        if now % 9 == 0:
            gone = list(twin)[int(rng.integers(len(twin)))]
            buffer.view().delete(gone)
            del twin[gone]
        if now % 3 == 0:
            when = now - int(rng.integers(8))
            twin = {index: age for index, age in twin.items() if when - age <= 20}
            batch = buffer.sample(4, replace=True, train_iter_sample_data=when, ignore_insufficient=True)
            assert all(when - twin[item.index] == item.meta["staleness"] <= 20 for item in batch)
        assert twin == {item.index: item.meta[KEY] for item in buffer}


@pytest.mark.parametrize("by_file", [True, False])
def test_a_resumed_run_goes_on_where_it_was(by_file, tmp_path):
    buffer = filled([3, 1, 4, 1, 5, 9, 2, 6], 3)
    buffer.sample(1, train_iter_sample_data=5)
    other = filled(range(50, 54), 3, size=8)
    if by_file:
        buffer.save_data(tmp_path / "saved")
        other.load_data(tmp_path / "saved")
    else:
        other.load_state_dict(copy.deepcopy(buffer.state_dict()))
    for one in (buffer, other):
        one.sample(1, train_iter_sample_data=8)

    assert [5, 9, 6] == ages(buffer) == ages(other)
    assert buffer.stats() == other.stats()


@pytest.mark.parametrize("limit", [-1, math.nan, "3", True, None])
def test_an_impossible_limit_is_refused(limit):
    with pytest.raises(BadArgument, match="max_staleness"):
        staleness_check(max_staleness=limit)


def test_a_limit_of_zero_keeps_this_iteration_only():
    buffer = filled([3, 4, 5], 0)
    buffer.sample(1, train_iter_sample_data=5)

    assert [5] == ages(buffer)


def test_one_chain_has_one():
    buffer = DequeBuffer(3).use(staleness_check(max_staleness=3))

    with pytest.raises(ChainError, match="twice"):
        buffer.use(staleness_check(max_staleness=5))


def on_columns(iterations, limit: float, size: int | None = None) -> DequeBuffer:
    buffer = DequeBuffer(size or len(iterations), storage=ColumnStorage(), seed=0)
    buffer.use(staleness_check(max_staleness=limit))
    buffer.extend(np.arange(len(iterations)), meta={KEY: iterations})
    return buffer


@pytest.mark.parametrize(
    "iterations",
    [list(range(10)), np.arange(10), np.arange(10.0), [0, 1.0, 2, 3, 4, 5, 6, 7, 8, 9.0]],
    ids=str,
)
def test_in_columns_ages_are_a_column(iterations):
    buffer = on_columns(iterations, 4)
    batch = buffer.sample(5, train_iter_sample_data=9)

    assert [5, 6, 7, 8, 9] == ages(buffer)
    assert (9 - batch.data).tolist() == batch.meta["staleness"].tolist()
    assert "staleness" not in buffer[0].meta
    for group in on_columns(iterations, 9).sample(2, groupby=KEY, train_iter_sample_data=9):
        assert 9 - group.data[0] == group.meta["staleness"][0]


@pytest.mark.parametrize("first", [[0, 1, 2], [0.0, 1.0, 2.0], [0, 1.5, 2]], ids=str)
@pytest.mark.parametrize(
    "metas", [[{}, {"env": 1}], [{KEY: None}, {KEY: "old"}], [{KEY: math.nan}, {}]], ids=str
)
@pytest.mark.parametrize("many", [True, False])
def test_in_columns_what_says_nothing_takes_no_age_from_what_lay_there_before(first, metas, many):
    buffer = on_columns(first, 4)
    if many:
        buffer.view().extend(np.array([7, 8]), meta=metas)
    else:
        for number, meta in zip([7, 8], metas, strict=True):
            buffer.view().push(number, meta)
    batch = buffer.sample(2, train_iter_sample_data=100)

    assert {7, 8} == set(batch.data.tolist()) == {item.data for item in buffer}
    assert [False, False] == ["staleness" in item.meta for item in batch]


def test_in_columns_an_age_is_asked_of_all_or_none_is_stored():
    buffer = on_columns([1, 2], 4, size=5)
    for meta in (None, {KEY: [3, None]}, {KEY: np.array([3.0, math.nan])}, [{KEY: 3}, {}], {"env": 1}):
        with pytest.raises(MissingMeta, match=KEY):
            buffer.extend(np.arange(2), meta=meta)

    assert [1, 2] == ages(buffer)
    buffer.extend(iter([5, 6]), meta=({KEY: number} for number in (3, 4)))
    assert [1, 2, 3, 4] == ages(buffer)

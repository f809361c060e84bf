from __future__ import annotations

import copy
import math
from collections import Counter

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, ChainError, CorruptSnapshot
from ding_buffer.middleware.clone import clone_object
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.testing.middleware_suite import MiddlewareSuite


class TestUseTimeCheck(MiddlewareSuite):
    def make_layer(self):
        return use_time_check(max_use=1000)


class TestUseTimeCheckWithoutLimit(MiddlewareSuite):
    def make_layer(self):
        return use_time_check()


def filled(count: int, size: int, *layers) -> DequeBuffer:
    buffer = DequeBuffer(size, seed=0).use(*layers)
    buffer.extend(range(count), meta={"env": [number % 3 for number in range(count)]})
    return buffer


def counts(buffer: DequeBuffer) -> dict:
    return {item.data: item.meta.get("use_count", 0) for item in buffer}


@pytest.mark.parametrize("clones", [[], [clone_object]], ids=["by reference", "cloned"])
@pytest.mark.parametrize("inside", [True, False])
def test_each_use_is_noted_in_what_is_returned_and_in_what_is_stored(clones, inside):
    others = [make() for make in clones]
    buffer = filled(5, 5, *(others if inside else []), use_time_check(), *([] if inside else others))
    uses: Counter[int] = Counter()

    for _ in range(20):
        batch = buffer.sample(3)
        uses.update(item.data for item in batch)
        assert [uses[item.data] for item in batch] == [item.meta["use_count"] for item in batch]
        assert dict(counts(buffer)) == {number: uses[number] for number in range(5)}


def test_an_item_is_returned_on_its_last_use_and_gone_afterwards():
    buffer = filled(4, 4, use_time_check(max_use=2))
    uses: Counter[int] = Counter()

    while len(buffer) >= 2:
        batch = buffer.sample(2)
        uses.update(item.data for item in batch)
        gone = {number for number, times in uses.items() if times == 2}
        assert set(range(4)) - gone == set(counts(buffer))
    assert 2 == max(uses.values())
    assert len(gone) == buffer.stats()["use_time_check"]["worn_out"]


def test_every_occurrence_in_a_batch_is_a_use_and_the_item_is_deleted_once():
    buffer = filled(3, 5, use_time_check(max_use=2))
    before = [item.index for item in buffer]

    batch = buffer.sample(40, replace=True)

    assert {0, 1, 2} == {item.data for item in batch}
    for number in range(3):
        found = [item.meta["use_count"] for item in batch if item.data == number]
        # The first occurrence is the stored item itself, which shows the last count.
        assert [len(found), *range(2, len(found) + 1)] == found
    assert 0 == len(buffer)
    assert (3, 3) == (buffer.stats()["deleted"], buffer.stats()["use_time_check"]["worn_out"])
    assert not any(buffer.indices.has(index) for index in before)


def test_groups_and_windows_are_counted_item_by_item():
    buffer = filled(9, 9, use_time_check(max_use=3))

    for group in buffer.sample(3, groupby="env"):
        assert [1] * 3 == [item.meta["use_count"] for item in group]
    batch = buffer.sample(6, groupby="env", unroll_len=2, replace=True)

    uses = Counter(dict.fromkeys(range(9), 1)) + Counter(item.data for group in batch for item in group)
    assert {n: times for n, times in uses.items() if times < 3} == counts(buffer)


def test_items_asked_for_by_index_are_used_too():
    buffer = filled(3, 3, use_time_check(max_use=1))

    buffer.sample(indices=[buffer[1].index])

    assert [0, 2] == [item.data for item in buffer]


def test_deletion_goes_through_the_whole_chain():
    seen = []

    def watch(action, chain, *args, **kwargs):
        seen.append(action)
        return chain(*args, **kwargs)

    buffer = filled(2, 2, watch, use_time_check(max_use=2))
    buffer.sample(2)
    buffer.sample(1)

    assert ["push", "push", "sample", "sample", "delete"] == seen


def test_a_new_item_in_an_old_slot_starts_from_zero():
    buffer = filled(2, 2, use_time_check(max_use=3))
    for number in range(2, 30):
        buffer.sample(2)
        buffer.push(number)
        assert 0 == counts(buffer)[number]
        assert max(counts(buffer).values()) < 3


def test_the_counters_take_no_more_room_than_the_buffer():
    layer = use_time_check(max_use=3)
    buffer = filled(2, 2, layer)
    for number in range(1000):
        buffer.push(number)
        buffer.sample(1)

    assert 2 == len(layer._uses)


def test_items_that_come_through_another_view_are_counted():
    buffer = DequeBuffer(4, seed=0).use(use_time_check(max_use=2))
    view = buffer.view()
    view.extend("ab")
    buffer.sample(2)
    view.delete(view[0].index)
    view.push("c")
    buffer.sample(2)

    assert {"c": 1} == counts(buffer)


def test_each_view_counts_its_own_samples():
    buffer = DequeBuffer(4, seed=0)
    first, second = (buffer.view().use(use_time_check(max_use=2)) for _ in range(2))
    buffer.extend(range(4))

    first.sample(4)
    second.sample(4)
    assert 4 == len(buffer)
    first.sample(1)
    assert 3 == len(buffer) == len(second)


def test_two_in_one_chain_both_count_and_the_lower_limit_decides():
    for limits in ((2, 5), (5, 2)):
        buffer = filled(2, 2, *(use_time_check(max_use=limit) for limit in limits))
        buffer.sample(2)
        batch = buffer.sample(2)

        assert [2, 2] == [item.meta["use_count"] for item in batch]
        assert 0 == len(buffer)


def test_attached_late_it_counts_from_zero():
    buffer = filled(3, 3)
    buffer.sample(3)
    buffer.use(use_time_check(max_use=2))
    buffer.sample(3)

    assert {0: 1, 1: 1, 2: 1} == counts(buffer)


def test_after_clear_it_counts_from_zero():
    buffer = filled(3, 3, use_time_check(max_use=2))
    buffer.sample(3)
    buffer.clear()
    buffer.extend("xyz")
    buffer.sample(3)

    assert {"x": 1, "y": 1, "z": 1} == counts(buffer)


def test_a_new_meta_does_not_reset_the_count():
    buffer = filled(1, 1, use_time_check(max_use=3))
    buffer.sample(1)
    buffer.update(buffer[0].index, meta={"env": 1})
    buffer.sample(1)

    assert {0: 2} == counts(buffer)


@pytest.mark.parametrize("size", [6, 3])
@pytest.mark.parametrize("by_file", [True, False])
def test_counts_are_saved_and_loaded(size, by_file, tmp_path):
    buffer = filled(6, 6, use_time_check(max_use=4))
    for _ in range(2):
        buffer.sample(6)
    buffer.sample(2)
    buffer.delete(buffer[1].index)
    other = filled(2, size, use_time_check(max_use=4))
    if by_file:
        buffer.save_data(tmp_path / "saved")
        other.load_data(tmp_path / "saved")
    else:
        other.load_state_dict(copy.deepcopy(buffer.state_dict()))

    saved = list(counts(buffer).items())[-size:]
    assert saved == list(counts(other).items())
    for limit in (1, 2):  # what was used three times goes one sample earlier
        batch = other.sample(len(other))
        assert all(item.meta["use_count"] == dict(saved)[item.data] + limit for item in batch)


@pytest.mark.parametrize(
    "damage", [{"uses": [1]}, {"uses": [-1] * 9}, {"uses": "many"}, {"worn_out": None}], ids=repr
)
def test_a_damaged_state_is_refused_and_changes_nothing(damage):
    buffer = filled(6, 6, use_time_check(max_use=4))
    buffer.sample(3)
    state = copy.deepcopy(buffer.state_dict())
    state["layers"][0]["state"].update(damage)
    before = buffer.state_dict()["layers"]

    with pytest.raises(CorruptSnapshot, match="use_time_check"):
        buffer.load_state_dict(state)

    assert before == buffer.state_dict()["layers"]


@pytest.mark.parametrize("limit", [0, -1, 0.5, math.nan, "3", True, None])
def test_an_impossible_limit_is_refused(limit):
    with pytest.raises(BadArgument, match="max_use"):
        use_time_check(max_use=limit)


def test_without_a_limit_nothing_is_deleted():
    buffer = filled(3, 3, use_time_check())
    for _ in range(50):
        buffer.sample(3)

    assert {0: 50, 1: 50, 2: 50} == counts(buffer)


def test_both_spellings_work_and_a_mix_up_is_told():
    buffer, other = DequeBuffer(3), DequeBuffer(3)
    buffer.use(use_time_check(buffer, 2))
    buffer.view().use(use_time_check(buffer, max_use=2))

    with pytest.raises(ChainError, match="another buffer"):
        other.use(use_time_check(buffer, max_use=2))


def test_counts_agree_with_a_plain_list_over_many_operations():
    rng = np.random.default_rng(0)
    buffer, twin = DequeBuffer(12, seed=0).use(use_time_check(max_use=3)), {}
    for step in range(1500):
        twin[buffer.push(step).index] = 0
        twin = {index: twin[index] for index in list(twin)[-12:]}
        batch = buffer.sample(3, replace=True)
        for item in batch:
            twin[item.index] += 1
        twin = {index: uses for index, uses in twin.items() if uses < 3}
        if step % 7 == 0 and twin:
            gone = list(twin)[int(rng.integers(len(twin)))]
            assert 1 == buffer.delete([gone, gone])
            del twin[gone]

        assert twin == {item.index: item.meta.get("use_count", 0) for item in buffer}


def on_columns(count: int, size: int, *layers) -> DequeBuffer:
    buffer = DequeBuffer(size, storage=ColumnStorage(), seed=0).use(*layers)
    buffer.extend(range(count), meta={"env": [number % 3 for number in range(count)]})
    return buffer


def test_in_columns_each_occurrence_tells_which_use_it_is():
    buffer = on_columns(3, 5, use_time_check(max_use=1000))
    uses: Counter[int] = Counter()

    for query in ({"size": 40, "replace": True}, {"size": 6, "groupby": "env", "replace": True}):
        batch = buffer.sample(**query)
        for item in batch.opened():
            uses[item.data] += 1
            assert uses[item.data] == item.meta["use_count"]
        assert batch.slots.shape == batch.meta["use_count"].shape
    assert dict(uses) == counts(buffer)


def test_in_columns_worn_items_go_after_the_batch_that_wears_them_out():
    buffer = on_columns(4, 4, use_time_check(max_use=2))
    buffer.sample(4)
    batch = buffer.sample(3)

    assert [2, 2, 2] == batch.meta["use_count"].tolist()
    assert set(range(4)) - set(batch.data.tolist()) == set(counts(buffer))


@pytest.mark.parametrize("limits", [(2, 5), (5, 2)])
def test_in_columns_two_in_one_chain_both_count(limits):
    buffer = on_columns(2, 2, *(use_time_check(max_use=limit) for limit in limits))
    buffer.sample(2)
    batch = buffer.sample(2)

    assert [2, 2] == [item.meta["use_count"] for item in batch]
    assert 0 == len(buffer)

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, BadQuery, NotEnoughItems, UnknownArgument
from ding_buffer.middleware.sequences import sequence
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.testing.buffer_checks import buffer_machine
from ding_buffer.testing.middleware_suite import MiddlewareSuite
from tests.middleware.sequence_walk import filled, numbers_of, windows_of

STORAGES = [ObjectStorage, ColumnStorage]


class TestSequence(MiddlewareSuite):
    def make_layer(self):
        return sequence(2, pad="end")


class TestSequenceWithoutPadding(MiddlewareSuite):
    def make_layer(self):
        return sequence(1)


class TestSequenceWithBurnIn(MiddlewareSuite):
    def make_layer(self):
        return sequence(2, 1, pad="both")


class TestPrioritizedSequence(MiddlewareSuite):
    def make_layer(self):
        return sequence(3, 1, pad="both", prioritized=True)


TestSequenceMachine = buffer_machine(lambda: DequeBuffer(7, seed=0).use(sequence(2, pad="end"))).TestCase


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("key", ["terminated", "truncated", "done"])
def test_windows_lie_within_episodes(storage, key):
    buffer = filled(storage, sequence(3), [4, 2, 3], key=key)

    assert {(0, 1, 2), (1, 2, 3), (6, 7, 8)} == windows_of(buffer)


@pytest.mark.parametrize("storage", STORAGES)
def test_burn_in_comes_before_what_is_learned(storage):
    layer = sequence(2, burn_in=2)
    buffer = filled(storage, layer, [5, 3])
    batch = buffer.sample(2)

    assert {(0, 1, 2, 3), (1, 2, 3, 4)} == set(numbers_of(batch))
    assert [[False, False, True, True]] * 2 == layer.learned(batch).tolist()


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize(
    ("pad", "expected"),
    [
        ("none", {(0, 1, 2)}),
        ("start", {(None, 0, 1), (0, 1, 2), (None, 3, 4)}),
        ("end", {(0, 1, 2), (1, 2, None), (3, 4, None)}),
        ("both", {(None, 0, 1), (0, 1, 2), (1, 2, None), (None, 3, 4), (3, 4, None), (None, 5, None)}),
    ],
)
def test_padding_says_which_windows_are_legal(storage, pad, expected):
    layer = sequence(2, 1, pad=pad)
    buffer = filled(storage, layer, [3, 2, 1])

    assert expected == windows_of(buffer)
    assert len(expected) == layer.stats()["windows"]


@pytest.mark.parametrize(
    ("pad", "overlap", "expected"),
    [
        ("none", 2, {(0, 1, 2, 3), (2, 3, 4, 5), (8, 9, 10, 11)}),
        ("none", 0, {(0, 1, 2, 3), (8, 9, 10, 11)}),
        ("end", 0, {(0, 1, 2, 3), (4, 5, 6, None), (7, None, None, None), (8, 9, 10, 11)}),
    ],
)
@pytest.mark.parametrize("storage", STORAGES)
def test_with_overlap_windows_lie_on_a_grid_from_the_first_step(storage, pad, overlap, expected):
    lengths = [7, 1, 4]
    if pad == "none":
        expected = {window for window in expected if 7 not in window}

    assert expected == windows_of(filled(storage, sequence(4, overlap=overlap, pad=pad), lengths))


def test_the_grid_counts_the_burn_in_or_where_that_is_padded_what_is_learned():
    assert {(0, 1, 2), (2, 3, 4)} == windows_of(filled(ObjectStorage, sequence(2, 1, 0), [6]))
    assert {(None, 0, 1), (1, 2, 3), (3, 4, 5)} == windows_of(
        filled(ObjectStorage, sequence(2, 1, 0, "start"), [6])
    )


def test_the_grid_stays_when_the_first_steps_are_evicted():
    buffer = filled(ObjectStorage, sequence(2, overlap=0), [10], size=7)

    assert {(4, 5), (6, 7), (8, 9)} == windows_of(buffer)


@pytest.mark.parametrize("storage", STORAGES)
def test_environments_that_push_in_turn_do_not_mix(storage):
    buffer = DequeBuffer(9, storage=storage(), seed=0).use(sequence(3))
    for number in range(12):
        buffer.push({"n": number}, {"env": number % 3})

    assert {(3, 6, 9), (4, 7, 10), (5, 8, 11)} == windows_of(buffer)


def test_episodes_that_are_only_named_do_not_mix():
    buffer = DequeBuffer(9, seed=0).use(sequence(2))
    for number, episode in enumerate("aabba"):
        buffer.push({"n": number}, {"episode": episode})

    assert {(0, 1), (1, 4), (2, 3)} == windows_of(buffer)


def test_streams_and_flags_may_have_other_names_or_none():
    buffer = DequeBuffer(9, seed=0).use(sequence(2, stream=None, done="last"))
    for number in range(6):
        buffer.push({"n": number, "last": number == 2, "done": True}, {"env": number, "episode": None})

    assert {(0, 1), (1, 2), (3, 4), (4, 5)} == windows_of(buffer)


class Transition(NamedTuple):
    n: int
    done: bool


def test_flags_are_read_from_any_payload_or_else_from_the_meta():
    buffer = DequeBuffer(9, seed=0).use(sequence(2))
    for number in range(3):
        buffer.push(Transition(number, number == 1))
    for number in range(3, 6):
        buffer.push({"n": number}, {"done": np.array([number == 4])})

    read = [
        [
            getattr(item.data, "n", None) or item.data["n"]
            if not isinstance(item.data, Transition)
            else item.data.n
            for item in window
        ]
        for window in buffer.sample(3)
    ]
    assert [[0, 1], [2, 3], [3, 4]] == sorted(read)


def test_a_stream_that_cannot_be_named_is_one_of_its_own_and_counted():
    buffer = DequeBuffer(9, seed=0).use(sequence(2))
    for number in range(3):
        buffer.push({"n": number}, {"env": [0]})
    for number in range(3, 5):
        buffer.push({"n": number}, {"env": 0})

    assert {(3, 4)} == windows_of(buffer)
    assert 3 == buffer.stats()["sequence"]["unnamed"]


@pytest.mark.parametrize("storage", STORAGES)
def test_a_deletion_breaks_an_episode_in_two(storage):
    buffer = filled(storage, sequence(2), [6])
    buffer.view().delete(buffer[2].index)

    assert {(0, 1), (3, 4), (4, 5)} == windows_of(buffer)


def test_after_the_newest_item_was_deleted_nothing_follows_the_one_before():
    buffer = DequeBuffer(9, seed=0).use(sequence(2))
    for number in range(5):
        item = buffer.push({"n": number})
        if number == 2:
            buffer.delete(item.index)

    assert {(0, 1), (3, 4)} == windows_of(buffer)
    resumed = DequeBuffer(9, seed=0).use(sequence(2))
    resumed.load_state_dict(buffer.state_dict())
    assert {(0, 1), (3, 4)} == windows_of(resumed)


def test_a_flag_that_is_set_later_cuts():
    buffer = filled(ObjectStorage, sequence(2), [6])
    buffer.view().update(buffer[2].index, data={"n": 2, "done": True})

    assert {(0, 1), (1, 2), (3, 4), (4, 5)} == windows_of(buffer)


@pytest.mark.parametrize("storage", STORAGES)
def test_an_item_whose_new_meta_names_another_stream_or_none_leaves_its_episode(storage):
    buffer = DequeBuffer(9, storage=storage(), seed=0).use(sequence(2))
    for number in range(6):
        buffer.push({"n": number}, {"env": 0})
    buffer.update(buffer[2].index, meta={"note": 1})

    assert {(0, 1), (3, 4), (4, 5)} == windows_of(buffer)


def test_the_newest_item_that_turns_out_to_be_the_last_is_not_followed():
    buffer = DequeBuffer(9, seed=0).use(sequence(2))
    for number in range(4):
        index = buffer.push({"n": number}).index
        if number == 1:
            buffer.update([index], meta={"truncated": [True]})

    assert {(0, 1), (2, 3)} == windows_of(buffer)


@pytest.mark.parametrize("storage", STORAGES)
def test_used_late_it_takes_the_items_in_and_bridges_no_gap(storage):
    buffer = DequeBuffer(20, storage=storage(), seed=0)
    for number in range(8):
        buffer.push({"n": number})
    buffer.delete(buffer[3].index)
    buffer.use(sequence(2))
    buffer.push({"n": 8})

    assert {(0, 1), (1, 2), (4, 5), (5, 6), (6, 7), (7, 8)} == windows_of(buffer)


# The batch.


@pytest.mark.parametrize("layer", [sequence(3), sequence(3, pad="end")])
def test_objects_come_as_lists_of_the_stored_items_themselves(layer):
    buffer = filled(ObjectStorage, copy.deepcopy(layer), [3])
    (window,) = buffer.sample(1, sample_range=slice(0, 3)) if layer.shape.pad_end else buffer.sample(1)

    assert [list] == [type(window)]
    assert all(item is buffer.get_by_index(item.index) for item in window if item.index is not None)


def test_an_item_that_occurs_again_is_an_independent_copy():
    buffer = filled(ObjectStorage, sequence(3), [4])
    first, second = buffer.sample(2)

    assert 6 == len({id(item) for window in (first, second) for item in window})


def test_fillers_of_objects_have_none_in_every_field():
    buffer = filled(ObjectStorage, sequence(2, 2, pad="both"), [1])
    (window,) = buffer.sample(1)

    assert [True, True, False, True] == [
        (item.data, item.index, item.meta) == (None, None, None) for item in window
    ]


def test_columns_come_as_one_batch_with_zeros_and_a_mask_for_fillers():
    buffer = filled(ColumnStorage, sequence(2, 2, pad="both"), [1])
    batch = buffer.sample(2, replace=True)

    assert (2, 4) == batch.slots.shape == batch.mask.shape == batch.data["n"].shape
    assert [[False, False, True, False]] * 2 == batch.mask.tolist()
    assert [[[0, 0], [0, 0], [1, 1], [0, 0]]] * 2 == batch.data["obs"].tolist()
    assert [[-1, -1, 0, -1]] * 2 == batch.slots.tolist()
    assert [None, None, buffer[0].index, None] * 2 == list(batch.index)


def test_columns_without_padding_need_no_mask_and_with_it_always_have_one():
    assert filled(ColumnStorage, sequence(2), [5]).sample(2).mask is None
    batch = filled(ColumnStorage, sequence(2, pad="end"), [2]).sample(1, sample_range=slice(0, 2))

    assert (1, 2) == batch.mask.shape


def test_learned_takes_windows_only():
    layer = sequence(3)
    buffer = filled(ColumnStorage, layer, [9])

    with pytest.raises(BadQuery, match="learned"):
        layer.learned(buffer.view().sample(4))


# Queries.


@pytest.mark.parametrize("storage", STORAGES)
def test_without_replacement_windows_are_distinct_and_there_are_no_more(storage):
    buffer = filled(storage, sequence(3), [5, 3])

    assert 4 == len(set(numbers_of(buffer.sample(4))))
    with pytest.raises(NotEnoughItems, match=r"less than 5 windows in buffer\(4 may begin\)"):
        buffer.sample(5)
    assert 9 == len(buffer.sample(9, replace=True))
    assert [] == buffer.sample(5, ignore_insufficient=True)


def test_without_any_window_replacement_does_not_help():
    buffer = filled(ObjectStorage, sequence(4), [3, 3])

    with pytest.raises(NotEnoughItems, match=r"\(0 may begin\)"):
        buffer.sample(1, replace=True)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("prioritized", [False, True])
def test_a_range_leaves_the_windows_that_lie_in_it_whole(storage, prioritized):
    buffer = filled(storage, sequence(3, pad="end", prioritized=prioritized), [6, 4])

    assert {(3, 4, 5), (4, 5, None), (5, None, None), (6, 7, 8)} == windows_of(
        buffer, sample_range=slice(3, 9)
    )
    assert windows_of(buffer, sample_range=slice(3, 9)) == windows_of(buffer, sample_range=slice(8, 2, -1))
    for part in (slice(0, 2), slice(4, 4)):
        with pytest.raises(NotEnoughItems):
            buffer.sample(1, sample_range=part)


def test_a_large_range_is_drawn_from_alike(monkeypatch):
    monkeypatch.setattr("ding_buffer.samplers.window_draw.FEW", 4)
    for prioritized in (False, True):
        buffer = filled(ObjectStorage, sequence(2, prioritized=prioritized), [30, 9])
        drawn = windows_of(buffer, rounds=200, sample_range=slice(1, 36))

        assert {(n, n + 1) for n in range(1, 35) if n != 29} == drawn
    buffer = filled(ObjectStorage, sequence(2), [30, 9])
    assert 4 == len(set(numbers_of(buffer.sample(4, sample_range=slice(1, 36)))))


def test_a_range_with_a_step_has_no_windows():
    with pytest.raises(BadArgument, match="step"):
        filled(ObjectStorage, sequence(2), [9]).sample(1, sample_range=slice(None, None, 2))


def test_what_names_its_items_or_groups_passes():
    buffer = DequeBuffer(20, seed=0).use(sequence(3))
    items = [buffer.push({"n": number}, {"env": number % 2}) for number in range(8)]

    assert items[2:4] == buffer.sample(indices=[items[2].index, items[3].index])
    assert {4} == {len(group) for group in buffer.sample(2, groupby="env")}
    assert {2} == {len(group) for group in buffer.sample(2, groupby="env", unroll_len=2)}


@pytest.mark.parametrize("size", [None, 0, -1, "3"])
def test_a_size_that_is_none_is_refused_as_by_the_buffer(size):
    buffer = filled(ObjectStorage, sequence(2), [6])

    with pytest.raises((BadQuery, BadArgument), match=r"size|Size"):
        buffer.sample(size)


def test_a_keyword_that_nobody_takes_is_named():
    with pytest.raises(UnknownArgument, match="until"):
        filled(ObjectStorage, sequence(2), [6]).sample(1, until=3)


def test_many_come_from_an_iterator_with_their_priorities():
    buffer = DequeBuffer(4).use(sequence(2, prioritized=True))
    buffer.extend(({"n": n} for n in range(3)), meta={"priority": [1.0, 2.0, 3.0]})

    assert [0, 1, 2] == [item.data["n"] for item in buffer]

from __future__ import annotations

import copy

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, ChainError
from ding_buffer.middleware.clone import clone_object
from ding_buffer.middleware.group_sampling import group_sample
from ding_buffer.middleware.pad import padding
from ding_buffer.middleware.range_view import sample_range_view
from ding_buffer.middleware.sequences import PrioritizedSequenceReplay, SequenceReplay, sequence
from ding_buffer.middleware.stale import staleness_check
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from tests.middleware.sequence_walk import filled, numbers_of, windows_of

STORAGES = [ObjectStorage, ColumnStorage]


# With other layers.


def test_the_use_of_every_real_item_is_counted_and_fillers_are_none():
    for outside in (True, False):
        layers = [use_time_check(max_use=2), sequence(2, 1, pad="both")]
        buffer = filled(ObjectStorage, layers if outside else layers[::-1], [1])
        buffer.sample(1)

        assert [1] == [item.meta["use_count"] for item in buffer]
        buffer.sample(1)
        assert 0 == len(buffer)


def test_a_view_of_a_range_narrows_the_windows():
    buffer = filled(ObjectStorage, [sample_range_view(start=-3), sequence(2)], [9])

    assert {(6, 7), (7, 8)} == windows_of(buffer)


def test_stale_items_are_gone_before_windows_are_drawn():
    buffer = DequeBuffer(9, seed=0).use(staleness_check(max_staleness=3), sequence(2))
    for number in range(6):
        buffer.push({"n": number}, {"train_iter_data_collected": number})

    assert {(3, 4), (4, 5)} == windows_of(buffer, train_iter_sample_data=6)


@pytest.mark.parametrize(
    "other",
    [lambda: staleness_check(), lambda: sample_range_view(end=3), lambda: group_sample(2), padding],
)
def test_layers_that_would_change_its_windows_must_be_used_before(other):
    with pytest.raises(ChainError, match="was used before"):
        DequeBuffer(3).use(sequence(2), other())


def test_a_layer_that_loses_a_window_is_found_out():
    def lose(action, chain, *args, **kwargs):
        batch = chain(*args, **kwargs)
        return batch[1:] if action == "sample" else batch

    with pytest.raises(ChainError, match="windows"):
        filled(ObjectStorage, [sequence(2), lose], [9]).sample(3)


def test_clones_share_nothing():
    for outside in (True, False):
        layers = [clone_object(), sequence(2, pad="end")]
        buffer = filled(ObjectStorage, layers if outside else layers[::-1], [4])
        for window in buffer.sample(3):
            for item in window:
                held = item.index and buffer.get_by_index(item.index)
                assert not held or not np.shares_memory(item.data["obs"], held.data["obs"])


# Life.


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("prioritized", [False, True])
@pytest.mark.parametrize("by_file", [False, True])
def test_a_resumed_run_draws_the_same_batches(storage, prioritized, by_file, tmp_path):
    def make():
        return DequeBuffer(30, storage=storage(), seed=3).use(sequence(3, 1, 1, "both", prioritized))

    buffer, resumed, rng = make(), make(), np.random.default_rng(0)
    for number in range(70):
        meta = {"env": int(rng.integers(3)), "priority": float(rng.integers(9))}
        buffer.push({"n": number, "done": bool(rng.random() < 0.1)}, meta)
    buffer.delete([buffer[4].index, buffer[9].index, buffer[-1].index])
    buffer.sample(4)
    if by_file:
        buffer.save_data(tmp_path / "saved")
        resumed.load_data(tmp_path / "saved")
    else:
        resumed.load_state_dict(copy.deepcopy(buffer.state_dict()))

    for number in range(70, 90):
        assert numbers_of(buffer.sample(5)) == numbers_of(resumed.sample(5))
        for one in (buffer, resumed):
            one.push({"n": number, "done": False}, {"env": number % 3, "priority": 2.0})


def test_looking_at_the_state_changes_no_draw():
    one, other = (filled(ObjectStorage, sequence(2), [9, 9]) for _ in range(2))
    one.state_dict()

    assert numbers_of(one.sample(5)) == numbers_of(other.sample(5))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"length": 0}, "length"),
        ({"length": 2.0}, "length"),
        ({"length": True}, "length"),
        ({"length": 2, "burn_in": -1}, "burn_in"),
        ({"length": 2, "overlap": 2}, "overlap"),
        ({"length": 2, "overlap": -1}, "overlap"),
        ({"length": 2, "pad": "zeros"}, "pad"),
        ({"length": 2, "prioritized": True, "eta": 1.5}, "eta"),
        ({"length": 2, "prioritized": True, "alpha": -1}, "alpha"),
        ({"length": 2, "prioritized": True, "beta": "1"}, "beta"),
        ({"length": 2, "prioritized": True, "anneal": -1}, "anneal"),
        ({"length": 2, "prioritized": True, "epsilon": float("nan")}, "epsilon"),
    ],
)
def test_impossible_settings_are_refused(arguments, named):
    with pytest.raises(BadArgument, match=named):
        sequence(**arguments)


def test_the_function_makes_the_one_that_was_asked_for():
    assert [SequenceReplay, PrioritizedSequenceReplay] == [
        type(sequence(2)),
        type(sequence(2, prioritized=True)),
    ]

from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.replacement import random_replacement
from ding_buffer.middleware.stale import staleness_check
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.pipeline.data_user import DataUser
from ding_buffer.pipeline.layered_buffer import LayeredBuffer
from ding_buffer.storages.column_storage import ColumnStorage


def test_what_is_collected_goes_through_the_layers_and_so_does_what_is_drawn():
    buffer = DequeBuffer(100, seed=0).use(use_time_check(max_use=2)).use(PriorityExperienceReplay())
    user = DataUser(buffer)
    for number in range(20):
        user.collector.collect({"obs": number})
    batch = user.sample(8)

    assert 20 == len(user)
    assert all({"use_count", "priority_IS"} <= item.meta.keys() for item in batch)
    buffer.update([item.index for item in batch], meta={"priority": np.arange(8.0)})
    for _ in range(50):
        if len(user):
            user.sample(1)
    assert 0 == len(user)
    assert 20 == buffer.stats()["use_time_check"]["worn_out"]
    assert buffer is user.buffer.buffer  # type: ignore[attr-defined]


def test_columns_come_as_arrays():
    user = DataUser(DequeBuffer(50, storage=ColumnStorage(), seed=0))
    for number in range(50):
        user.collector.collect({"obs": np.full(3, number), "reward": float(number)})
    batch = user.sample(16)

    assert (16, 3) == batch.data["obs"].shape
    assert batch.data["obs"][:, 0].tolist() == batch.data["reward"].tolist()
    assert [float(number) for number in range(50)] == [step["reward"] for step in user.get_data()]


def test_what_layers_need_to_know_is_taken_out_of_what_is_collected():
    user = DataUser(DequeBuffer(10, seed=0).use(staleness_check(max_staleness=2)))
    for number in range(5):
        user.collector.collect({"obs": number, "train_iter_data_collected": number})
    batch = user.sample(3, train_iter_sample_data=4)

    assert {2, 3, 4} == {item.data["obs"] for item in batch}
    assert {"obs"} == {key for item in batch for key in item.data}


def test_a_layer_may_come_after_the_user():
    buffer = DequeBuffer(10, seed=0)
    user = DataUser(buffer)
    buffer.use(staleness_check(max_staleness=2))
    user.collector.collect({"obs": 1, "train_iter_data_collected": 5})

    assert [{"obs": 1}] == user.get_data()


def test_meta_may_be_named():
    buffer = DequeBuffer(10)
    user = DataUser(LayeredBuffer(buffer, meta_keys=["priority", "env"]))
    user.collector.collect({"obs": 1, "priority": 2.0})
    user.collector.collect("no mapping")
    user.update()

    assert [({"obs": 1}, {"priority": 2.0}), ("no mapping", {})] == [
        (item.data, item.meta) for item in buffer
    ]


def test_a_refused_item_is_counted_by_the_layer():
    buffer = DequeBuffer(4, seed=0).use(random_replacement(0.0))
    user = DataUser(buffer)
    for number in range(4):
        user.collector.collect(number)
    user.update()
    for number in range(4):
        user.collector.collect(number)

    assert [0, 1, 2, 3] == user.get_data()
    assert 4 == buffer.stats()["random_replacement"]["refused"]


@pytest.mark.parametrize("storage", [None, ColumnStorage])
def test_layers_and_items_are_saved_and_resumed(tmp_path, storage):
    def made():
        kept = None if storage is None else storage()
        return DataUser(DequeBuffer(20, storage=kept, seed=0).use(use_time_check(max_use=9)))

    user, resumed = made(), made()
    for number in range(30):
        user.collector.collect({"obs": number})
    user.sample(5)
    user.save_state(tmp_path / "state")
    resumed.load_state(tmp_path / "state")

    assert user.get_data() == resumed.get_data()
    assert [item.meta for item in user.sample(6)] == [item.meta for item in resumed.sample(6)]


def test_repeated_draws_may_be_asked_for():
    user = DataUser(DequeBuffer(3, seed=0))
    user.collector.collect(1)

    assert [1] * 5 == [item.data for item in user.sample(5, replace=True)]
    assert [1] == [item.data for item in user.sample(1, sample_range=slice(0, 1))]

from __future__ import annotations

import gc
import threading
import time

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import NotEnoughItems, Overtaken, UnknownIndex
from ding_buffer.middleware.group_sampling import group_sample
from ding_buffer.middleware.n_steps import n_step
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.stale import staleness_check
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.shared_storage import SharedStorage
from ding_buffer.testing.twin_driver import Follower
from tests.storages.shared_processes import (
    META,
    files,
    numbers,
    pair,
    process,
    push_counted,
    reader_of,
    row,
    running,
    shared,
    storage_of,
    until,
)


class Diary(Middleware):
    """Writes down the metas of what came, and how many slots went."""

    def __init__(self):
        self.came, self.went, self.events, self.retiring = [], 0, [], []

    def bind(self, buffer):
        self.store = buffer.store

    def on_filled(self, slots):
        self.came += [dict(storage_of(self).meta(slot)) for slot in slots]
        self.events.append(("filled", type(slots).__name__, len(slots)))

    def on_evicted(self, slots):
        self.went += len(slots)
        self.events.append(("evicted", type(slots).__name__, len(slots)))

    def on_deleted(self, slots):
        self.went += len(slots)
        self.events.append(("deleted", type(slots).__name__, len(slots)))
        self.retiring.append(self.store.retiring)


def test_nothing_is_lost_and_nothing_comes_twice():
    buffer = DequeBuffer(8000, storage=shared(writers=2), seed=0)
    diary = Diary()
    buffer.use(diary)
    children = [process(push_counted, storage_of(buffer).name, writer, 3000) for writer in range(2)]
    with running(*children):
        until(lambda: len(buffer) == 6000 and buffer.sample(1, ignore_insufficient=True))
        for child in children:
            child.join()

    assert 0 == buffer.stats()["missed"]
    assert [0, 0] == [child.exitcode for child in children]
    for came in (diary.came, [item.meta for item in buffer]):
        for writer in range(2):
            assert list(range(3000)) == [meta["number"] for meta in came if meta["env"] == writer]
    buffer.store.check()


def test_what_is_missed_is_counted_and_the_rest_comes_once_in_order():
    buffer = DequeBuffer(10, storage=shared(writers=2), seed=0)
    diary, name = Diary(), storage_of(buffer).name
    buffer.use(diary)
    children = [process(push_counted, name, writer, 4000) for writer in range(2)]
    with running(*children):
        while any(child.is_alive() for child in children):
            len(buffer)
            time.sleep(0.002)
    last = [item.meta["number"] for item in buffer if item.meta["env"] == 0]

    assert list(range(3995, 4000)) == last
    for writer in range(2):
        came = [meta["number"] for meta in diary.came if meta["env"] == writer]
        assert sorted(set(came)) == came
    assert 8000 == len(diary.came) + buffer.stats()["missed"]
    assert buffer.stats()["missed"] > 0
    assert len(buffer) == len(diary.came) - diary.went
    buffer.store.check()


def test_layers_hear_of_arrivals_as_of_pushes_many_at_once():
    one, other = pair(8)
    diary, follower = Diary(), Follower()
    other.use(diary, follower)
    one.extend([row(number) for number in range(6)], {"env": np.arange(6)})
    one.push(row(6), {"env": 6})
    assert 7 == len(other)
    one.extend([row(number) for number in range(7, 10)], {"env": np.arange(7, 10)})
    assert 8 == len(other)

    assert list(range(10)) == [meta["env"] for meta in diary.came]
    expected = [("filled", 7), ("filled", 1), ("evicted", 2), ("filled", 2)]
    assert expected == [(event, count) for event, _, count in diary.events]
    assert {"ndarray"} == {kind for _, kind, _ in diary.events}
    assert [item.index for item in other] == [follower.live[slot] for slot in other.store.live()]


def test_what_is_too_old_for_its_writer_goes_as_if_deleted_and_counts_as_evicted():
    one, other = pair(8, writers=2)
    two = reader_of(one, writer=1)
    diary = Diary()
    other.use(diary)
    one.push(row(1))
    two.push(row(2))
    assert 2 == len(other)
    two.extend([row(number) for number in range(3, 7)])

    assert {1, 3, 4, 5, 6} == set(numbers(other))
    assert ("deleted", "list", 1) in diary.events
    assert [True] == diary.retiring
    other.delete(other[0].index)
    assert [True, False] == diary.retiring
    assert (1, 1) == (other.stats()["evicted"], other.stats()["deleted"])


def test_nothing_arrives_in_the_midst_of_an_action():
    one, other = pair(8)

    class Look(Middleware):
        def sample(self, chain, size=None, **query):
            before = len(self.buffer)
            one.push(row(9))
            batch = chain(size=size, **query)
            assert before == len(self.buffer)
            return batch

    other.use(Look())
    one.push(row(1))
    assert 1 == len(other.sample(1))
    assert 2 == len(other)


@pytest.mark.parametrize(
    "look",
    [
        lambda buffer: buffer[0],
        lambda buffer: next(iter(buffer)),
        lambda buffer: buffer.sample(1)[0],
        lambda buffer: buffer.view().sample(1)[0],
        lambda buffer: buffer.storage[0],
    ],
)
def test_whoever_looks_sees_what_has_arrived(look):
    one, other = pair(8)
    one.push(row(3))

    assert 3 == look(other).data["n"]


def test_one_who_waits_is_woken_by_what_another_process_pushes():
    one, other = pair(8)
    started = threading.Event()

    def push():
        started.wait(60)
        for number in range(3):
            one.push(row(number))

    thread = threading.Thread(target=push)
    thread.start()
    with other.store.lock:
        started.set()
        assert other.store.wait_for(lambda: len(other.store) == 3, timeout=60)
        assert not other.store.wait_for(lambda: len(other.store) == 4, timeout=0.01)
    thread.join()


def test_threads_of_a_process_share_what_arrives():
    one, other = pair(64)
    stop, counts = threading.Event(), []

    def sample():
        while not stop.is_set():
            batch = other.sample(8, replace=True, ignore_insufficient=True)
            if len(batch):
                counts.append(np.array_equal(batch.data["n"], batch.meta["number"]))

    threads = [threading.Thread(target=sample) for _ in range(2)]
    one.push(row(0), {"number": 0})
    for thread in threads:
        thread.start()
    for number in range(1, 2000):
        one.push(row(number), {"number": number})
    until(lambda: counts)  # on a busy machine they may only begin now
    stop.set()
    for thread in threads:
        thread.join()

    assert all(counts)
    other.store.check()


# Layers.


def test_a_learner_draws_by_priority_what_actors_pushed():
    one, learner = pair(64)
    learner.use(PriorityExperienceReplay(priority_power_factor=1.0))
    one.extend([row(number) for number in range(4)], {"priority": [4.0, 1.0, 1.0, 2.0]})
    batch = learner.sample(4000)
    drawn = np.bincount(batch.data["n"], minlength=4) / 4000
    assert pytest.approx([0.5, 0.125, 0.125, 0.25], abs=0.01) == list(drawn)

    one.push(row(4))  # without a priority: the highest
    drawn = np.bincount(learner.sample(4000).data["n"], minlength=5) / 4000
    assert pytest.approx([4 / 12, 1 / 12, 1 / 12, 2 / 12, 4 / 12], abs=0.01) == list(drawn)
    learner.update([learner[0].index, learner[4].index], meta={"priority": [0.0, 0.0]})
    assert {1, 2, 3} == set(learner.sample(400).data["n"].tolist()) - {0, 4}
    assert {"priority": 4.0} == one[0].meta


def test_priorities_stay_with_their_items_while_the_memory_turns_over():
    one, learner = pair(16)
    learner.use(PriorityExperienceReplay(priority_power_factor=1.0, epsilon=0.0))
    for step in range(30):
        one.extend([row(10 * step + place) for place in range(3)], {"number": [step] * 3})
        batch = learner.sample(8)
        learner.update(batch.index, meta={"priority": (batch.data["n"] % 10 == 0).astype(float)})
        learner.store.check()
    for item in learner:
        wanted = 0.0 if item.data["n"] % 10 else 1.0
        learner.update(item.index, meta={"priority": wanted})
    assert {0} == set((learner.sample(64).data["n"] % 10).tolist())


def test_uses_are_counted_where_they_happen():
    one, learner = pair(8)
    learner.use(use_time_check(max_use=2))
    one.extend([row(number) for number in range(4)])
    for _ in range(2):
        learner.sample(4)

    assert (0, 4) == (len(learner), len(one))
    one.push(row(9))
    assert [9] == numbers(learner)


def test_staleness_is_judged_where_it_is_asked_for():
    one, learner = pair(8)
    learner.use(staleness_check(max_staleness=2))
    one.extend([row(number) for number in range(4)], {"train_iter_data_collected": [0, 1, 2, 3]})
    batch = learner.sample(2, train_iter_sample_data=4)

    assert {2, 3} == set(batch.data["n"].tolist())
    assert {2: 2, 3: 1} == dict(zip(batch.data["n"].tolist(), batch.meta["staleness"].tolist(), strict=True))
    assert (2, 4) == (len(learner), len(one))


def test_groups_are_those_of_all_writers():
    one, learner = pair(40, writers=2)
    two = reader_of(one, writer=1)
    learner.use(group_sample(size_in_group=3))
    learner.store.grouped("env")
    for number in range(60):
        (one if number % 2 else two).push(row(number), {"env": number % 4})
    batch = learner.sample(4, groupby="env")

    assert 4 == len(batch)
    assert [{env} for env in sorted(group.meta["env"][0] for group in batch)] == sorted(
        [set(group.meta["env"].tolist()) for group in batch], key=min
    )
    learner.store.check()


def test_returns_are_computed_from_rows_of_another_process():
    spec = {"obs": np.float32, "reward": np.float32, "next_obs": np.float32, "done": np.bool_}
    one = DequeBuffer(32, storage=SharedStorage(spec, meta=META), seed=0)
    learner = reader_of(one).use(n_step(3, 0.5))
    for number in range(50):
        one.push({"obs": number, "reward": 1.0, "next_obs": number + 1, "done": number % 10 == 9}, {"env": 0})
    batch = learner.sample(32)
    left = np.minimum(3, 10 - batch.data["obs"].astype(int) % 10)
    left = np.minimum(left, 50 - batch.data["obs"].astype(int))

    assert np.array_equal(left, batch.meta["n_step"])
    assert np.array_equal(batch.data["obs"] + left, batch.data["next_obs"])
    assert np.allclose(np.array([0, 1.0, 1.5, 1.75])[left], batch.data["reward"])


def test_items_that_are_written_over_meanwhile_are_left_out_or_unknown():
    one, other = pair(8)
    one.extend([row(number) for number in range(8)])
    with other.store.lock:
        indices = [item.index for item in other]
        one.extend([row(number) for number in range(8, 18)])
        with pytest.raises(Overtaken):
            other.get(0)
        with pytest.raises(UnknownIndex, match="An item has left the buffer"):
            other.get_by_index(indices[:3])
        assert [2, 3, 4, 5, 6, 7] == numbers(other)
    assert list(range(10, 18)) == numbers(other)


def test_what_is_written_over_before_it_is_read_does_not_count_as_sampled():
    one, other = pair(8)
    one.extend([row(number) for number in range(8)])
    with other.store.lock:
        one.extend([row(number) for number in range(8, 40)])
        with pytest.raises(NotEnoughItems):
            other.sample(4)
    other.sample(3)
    assert 3 == other.stats()["sampled"]


def test_a_state_holds_what_could_be_copied():
    one, other = pair(8)
    one.extend([row(number) for number in range(8)], {"env": np.arange(8)})
    with other.store.lock:
        one.extend([row(number) for number in range(8, 18)])
        state = other.state_dict()
    plain = DequeBuffer(8, storage=shared())
    plain.load_state_dict(state)

    assert [2, 3, 4, 5, 6, 7] == numbers(plain)
    assert [2, 3, 4, 5, 6, 7] == [item.meta["env"] for item in plain]


def test_a_buffer_that_is_dropped_frees_its_memory_at_once():
    one, other = pair(8)
    one.push(row(1))
    other.sample(1)
    name = storage_of(one).name
    gc.disable()
    try:
        del one, other
        assert [] == files(name)
    finally:
        gc.enable()

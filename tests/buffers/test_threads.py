"""T1: writers and samplers at once: nothing lost, nothing twice, no exception. Asserts counts, not times."""

from __future__ import annotations

import copy
import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import NotEnoughItems, UnknownIndex
from ding_buffer.middleware.clone import clone_object
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.use_count import use_time_check

WRITERS, ITEMS = 3, 500


@pytest.fixture(autouse=True)
def switching_often():
    """Lets threads interrupt each other a hundred times as often as usual."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(interval / 100)
    yield
    sys.setswitchinterval(interval)


def streams(buffer, readers):
    """Pushes ``ITEMS`` numbered items from each of several threads; each reader is called over and over."""
    done = threading.Event()

    def write(writer):
        for number in range(ITEMS):
            if number % 10:
                buffer.push((writer, number), {"env": writer, "priority": 1.0 + number % 3})
            else:
                buffer.extend([(writer, number)], {"env": writer, "priority": 0.5})

    def read(reader):
        calls, last = 0, False
        while not last:
            last = done.is_set()  # once more when all is there: it must have been able to
            try:
                reader(buffer)
            except NotEnoughItems:
                continue
            calls += 1
        return calls

    with ThreadPoolExecutor(WRITERS + len(readers)) as pool:
        reading = [pool.submit(read, reader) for reader in readers]
        try:
            for writing in [pool.submit(write, writer) for writer in range(WRITERS)]:
                writing.result()
        finally:
            done.set()
        return [future.result() for future in reading]


def all_of_it(held):
    """Whether every stream is there in its own order, nothing missing and nothing twice."""
    return all(
        [number for one, number in held if one == writer] == list(range(ITEMS)) for writer in range(WRITERS)
    )


def uniform(buffer):
    batch = buffer.sample(8)
    assert 8 == len({item.index for item in batch})


def replaced(buffer):
    assert 8 == len(buffer.sample(8, replace=True, sample_range=slice(-50, None)))


def groups(buffer):
    for group in buffer.sample(1, groupby="env"):
        assert 1 == len({item.meta["env"] for item in group})
        assert sorted(item.data for item in group) == [item.data for item in group]


def windows(buffer):
    (window,) = buffer.sample(1, groupby="env", unroll_len=4)
    assert [window[0].data[1] + step for step in range(4)] == [item.data[1] for item in window]


def iterating(buffer):
    held = [item.data for item in buffer]
    assert len(held) == len(set(held))


def by_index(buffer):
    asked = [item.index for item in buffer.sample(4)]
    assert asked == [item.index for item in buffer.sample(indices=asked)]
    assert asked == [item.index for item in buffer.get_by_index(asked)]


def updating(buffer):
    batch = buffer.sample(4)
    there = buffer.update([item.index for item in batch], meta={"priority": [random.random() for _ in batch]})
    assert there.all()
    buffer.update(batch[0].index, data=batch[0].data, meta=batch[0].meta)


def looking(buffer):
    buffer.explain()
    stats = buffer.stats()
    assert stats["pushed"] == stats["size"] + stats["evicted"] + stats["deleted"] + stats["cleared"]
    assert len(buffer.state_dict()["store"]["storage"]["data"]) >= stats["size"] - stats["deleted"]


@pytest.mark.parametrize(
    "readers", [[uniform, replaced], [groups, windows, iterating], [by_index, updating, looking]]
)
def test_t1_nothing_is_lost_and_nothing_comes_twice(readers):
    buffer = DequeBuffer(WRITERS * ITEMS, seed=0)
    calls = streams(buffer, readers)

    assert all_of_it([item.data for item in buffer])
    assert 0 < min(calls)
    buffer.store.check()


def test_t1_priorities_and_use_counts_keep_up_with_writers():
    buffer = DequeBuffer(WRITERS * ITEMS, seed=0).use(clone_object()).use(use_time_check())
    buffer.use(PriorityExperienceReplay())

    def prioritized(buffer):
        batch = buffer.sample(16)
        assert buffer.update([item.index for item in batch], meta={"priority": [0.5] * 16}).all()

    def prioritized_windows(buffer):
        for window in buffer.sample(2, groupby="env", unroll_len=3):
            assert 3 == len(window)

    calls = streams(buffer, [prioritized, prioritized_windows, uniform_by_priority])

    assert all_of_it([item.data for item in buffer])
    assert 0 < min(calls)
    buffer.store.check()
    uses = sum(item.meta.get("use_count", 0) for item in buffer)
    assert uses <= buffer.stats()["sampled"]


def uniform_by_priority(buffer):
    assert 5 == len(buffer.sample(5, sample_range=slice(-100, None)))


def test_t1_what_use_limits_and_views_delete_goes_exactly_once():
    buffer = DequeBuffer(WRITERS * ITEMS, seed=0)
    taken: list = []
    sampling, deleting = buffer.view().use(use_time_check(max_use=1)), buffer.view()

    def use_up(_):
        taken.extend(item.data for item in sampling.sample(3))

    def delete(_):
        item = deleting.sample(1)[0]
        try:
            found = deleting.get_by_index(item.index).data
        except UnknownIndex:
            return
        if deleting.delete([item.index, item.index]):
            taken.append(found)

    streams(buffer, [use_up, use_up, delete])

    assert len(taken) == len(set(taken))
    assert all_of_it(sorted([*taken, *(item.data for item in buffer)]))
    buffer.store.check()


def test_t1_a_full_buffer_evicts_in_order_whoever_pushes():
    buffer = DequeBuffer(100, seed=0)
    evicted: list = []

    class Notes(Middleware):
        def bind(self, buffer):
            self.items = {}

        def on_filled(self, slots):
            self.items.update((slot, buffer.store.storage.item(slot).data) for slot in slots)

        def on_evicted(self, slots):
            evicted.extend(self.items.pop(slot) for slot in slots)

    buffer.use(Notes())
    streams(buffer, [uniform, groups])

    assert all_of_it([*evicted, *(item.data for item in buffer)])
    assert 100 == len(buffer)


def test_a_writer_is_not_starved_by_a_sampler_in_a_tight_loop():
    buffer = DequeBuffer(10_000, seed=0)
    buffer.extend(range(1000))
    done, sampled = threading.Event(), [0]

    def sample():
        while not done.is_set():
            buffer.sample(64)
            sampled[0] += 1

    sampler = threading.Thread(target=sample)
    sampler.start()
    while not sampled[0]:
        pass
    pushed = sum(buffer.push(number) is not None for number in range(2000))
    done.set()
    sampler.join(60)

    assert 2000 == pushed == len(buffer) - 1000
    assert not sampler.is_alive()
    # A pusher that waits lets a sampler finish what it has begun and begin little more.
    assert 100 * pushed > sampled[0]


def test_whatever_copies_a_buffer_that_is_written_to_gets_one_moment_of_it():
    buffer = DequeBuffer(200, seed=0)

    def copying(buffer):
        twin = copy.deepcopy(buffer)
        twin.store.check()
        held = [item.data for item in twin]
        assert len(held) == len(set(held))

    assert 0 < min(streams(buffer, [copying, groups]))

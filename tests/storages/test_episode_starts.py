from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.episode_starts import EpisodeStarts
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.storages.stream_reader import StreamReader

STORAGES = [ObjectStorage, ColumnStorage]


class Listens(Middleware):
    """Hands every event on."""

    def bind(self, buffer):
        reader = StreamReader(buffer.store, "env", None, ("done",))
        self.starts = EpisodeStarts(buffer.store, reader, need=2, stride=1)
        self.starts.loaded()

    def on_filled(self, slots):
        self.starts.filled(slots)

    def on_evicted(self, slots):
        self.starts.evicted(slots)

    def on_deleted(self, slots):
        self.starts.deleted(slots)

    def on_updated(self, slots):
        self.starts.updated(slots)

    def on_cleared(self):
        self.starts.cleared()

    def on_loaded(self):
        self.starts.loaded()


def filled(storage, count=6, size=8):
    layer = Listens()
    buffer = DequeBuffer(size, storage=storage(), seed=0).use(layer)
    for number in range(count):
        buffer.push({"n": number, "done": number == 3}, {"env": 0})
    return buffer, layer.starts


def starts_of(buffer, starts):
    starts.legal.check()
    number = dict(zip(buffer.store.live(), [item.data["n"] for item in buffer], strict=True))
    return sorted(number[slot] for slot in starts.legal.slots.tolist())


@pytest.mark.parametrize("storage", STORAGES)
def test_items_that_come_are_linked_one_by_one_or_many_at_once(storage):
    buffer, starts = filled(storage)
    buffer.extend([{"n": number, "done": False} for number in (6, 7)], meta={"env": 0})

    assert [0, 1, 2, 4, 5, 6] == starts_of(buffer, starts)
    buffer.extend([{"n": number, "done": False} for number in range(8, 12)], meta={"env": 0})
    assert [4, 5, 6, 7, 8, 9, 10] == starts_of(buffer, starts)


@pytest.mark.parametrize("storage", STORAGES)
def test_deletions_and_clears_and_loads_are_followed(storage):
    buffer, starts = filled(storage)
    buffer.delete(buffer[1].index)
    assert [2, 4] == starts_of(buffer, starts)
    buffer.load_state_dict(buffer.state_dict())
    assert [2, 4] == starts_of(buffer, starts)
    buffer.clear()
    assert [] == starts_of(buffer, starts)


@pytest.mark.parametrize("storage", STORAGES)
def test_an_end_that_shows_up_later_cuts_and_one_that_is_taken_back_joins_nothing(storage):
    buffer, starts = filled(storage)
    buffer.update([buffer[1].index, buffer[3].index], data=[{"n": 1, "done": True}, {"n": 3, "done": False}])

    assert [0, 2, 4] == starts_of(buffer, starts)


@pytest.mark.parametrize("storage", STORAGES)
def test_an_item_of_another_stream_is_taken_out(storage):
    buffer, starts = filled(storage)
    buffer.update([buffer[1].index], meta={"env": [7]})
    assert [2, 4] == starts_of(buffer, starts)
    buffer.update([buffer[2].index], meta={"note": [7]})
    assert [2, 4] == starts_of(buffer, starts)


def test_slots_may_be_an_array_or_a_list_with_repeats():
    buffer, starts = filled(ObjectStorage)
    buffer[0].data["done"] = True
    starts.updated([0, 0, 1])

    assert [1, 2, 4] == starts_of(buffer, starts)
    starts.evicted(np.array([0]))
    assert [1, 2, 4] == sorted(starts.legal.slots.tolist())

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import ChainError, CorruptSnapshot
from ding_buffer.middleware.reservoir_sampling import Reservoir, reservoir
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.memmap_storage import MemmapStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.storages.shared_storage import SharedStorage
from ding_buffer.testing.distribution import surprise
from ding_buffer.testing.middleware_suite import MiddlewareSuite


class OldestFirst(Reservoir):
    """Chooses what gives way anyway, so that all that a plain buffer promises can be asked for."""

    def push(self, chain, data, meta=None):
        self._pick = lambda count: self._store.ring.slot_at(0)
        return super().push(chain, data, meta)


class TestReservoir(MiddlewareSuite):
    def make_layer(self):
        return OldestFirst()


def held(buffer) -> list:
    return [item.data for item in buffer]


def streamed(size: int, count: int, layer, seed: int = 0) -> DequeBuffer:
    buffer = DequeBuffer(size, seed=seed).use(layer)
    for number in range(count):
        buffer.push(number)
    return buffer


def test_the_nth_item_is_one_of_n():
    asked: list[int] = []
    numbers = iter([3, 1, 7, 5])

    def pick(count):
        asked.append(count)
        return next(numbers)

    buffer = streamed(5, 9, reservoir(pick=pick))

    assert [6, 7, 8, 9] == asked
    assert [0, 2, 4, 5, 6] == held(buffer)
    assert {"seen": 9, "refused": 2} == buffer.stats()["reservoir"]


@pytest.mark.parametrize("picked", [-1, 1.5, None])
def test_a_pick_that_is_no_number_of_a_slot_is_refused_and_nobody_gives_way(picked):
    buffer = streamed(5, 5, reservoir(pick=lambda count: picked))
    with pytest.raises(TypeError):
        buffer.push(9)

    assert [0, 1, 2, 3, 4] == held(buffer)
    assert {"seen": 5, "refused": 0} == buffer.stats()["reservoir"]


def share_of_each_tenth(make, size=20, count=200, runs=3000) -> list[int]:
    """Returns how often an item of each tenth of the stream is held at its end."""
    tenths: Counter[int] = Counter()
    for seed in range(runs):
        tenths.update(10 * number // count for number in held(streamed(size, count, make(), seed)))
    return [tenths[tenth] for tenth in range(10)]


def test_every_item_of_the_stream_is_held_equally_likely():
    assert surprise(share_of_each_tenth(reservoir), [6000] * 10) < 4


class Lazy(Reservoir):
    """Never counts those it keeps out, and so keeps out too few."""

    def push(self, chain, data, meta=None):
        seen = self._seen
        item = super().push(chain, data, meta)
        if item is None:
            self._seen = seen
        return item


def test_that_test_would_notice_a_wrong_count():
    assert surprise(share_of_each_tenth(Lazy), [6000] * 10) > 4


def test_each_single_item_of_a_short_stream_is_held_equally_likely():
    counts: Counter[int] = Counter()
    for seed in range(20_000):
        counts.update(held(streamed(3, 7, reservoir(), seed)))

    assert surprise([counts[number] for number in range(7)], [60_000 / 7] * 7) < 4


def test_what_is_there_when_it_is_used_counts_as_all_there_was():
    buffer = DequeBuffer(5, seed=0)
    buffer.extend(range(12))
    layer = reservoir()
    buffer.use(layer)

    assert 5 == layer.stats()["seen"]


def test_what_other_views_push_counts_too():
    buffer = streamed(5, 5, reservoir())
    buffer.view().extend(range(5, 9))

    assert 9 == buffer.stats()["reservoir"]["seen"]
    assert [4, 5, 6, 7, 8] == held(buffer)


def test_clear_begins_a_new_stream():
    buffer = streamed(5, 500, reservoir())
    buffer.clear()
    buffer.push(1)

    assert 1 == buffer.stats()["reservoir"]["seen"]


def test_room_that_a_deletion_leaves_is_filled_by_what_comes_next():
    buffer = streamed(5, 1000, reservoir())
    buffer.delete([buffer[1].index, buffer[2].index])
    buffer.push("next")
    buffer.push("after")

    assert ["next", "after"] == held(buffer)[-2:]
    assert 1002 == buffer.stats()["reservoir"]["seen"]


class Refuses(Middleware):
    """Lets nothing more in."""

    def push(self, chain, data, meta=None):
        return None


def test_nobody_gives_way_to_an_item_that_a_layer_further_in_refuses():
    buffer = streamed(5, 5, reservoir(pick=lambda count: 2))
    buffer.use(Refuses())
    for number in range(20):
        assert buffer.push(number) is None

    assert [0, 1, 2, 3, 4] == held(buffer)
    buffer.view().push(9)
    assert [1, 2, 3, 4, 9] == held(buffer)


@pytest.mark.parametrize("make", [ObjectStorage, ColumnStorage, MemmapStorage])
def test_after_thousands_of_items_order_groups_and_items_agree(make, tmp_path):
    storage = make(tmp_path) if make is MemmapStorage else make()
    buffer = DequeBuffer(30, storage=storage, seed=1).use(reservoir())
    rng = np.random.default_rng(2)
    for number in range(3000):
        buffer.push(number, meta={"env": number % 4})
        if number % 50 == 49:
            buffer.sample(2, groupby="env")
            buffer.delete([buffer[int(rng.integers(len(buffer)))].index])
            buffer.store.check()

    assert held(buffer) == sorted(held(buffer))


def test_a_resumed_run_keeps_the_same_items():
    buffer = streamed(8, 100, reservoir())
    resumed = DequeBuffer(8).use(reservoir())
    resumed.load_state_dict(buffer.state_dict())
    for one in (buffer, resumed):
        one.extend(range(200, 260))

    assert held(buffer) == held(resumed)
    assert buffer.stats() == resumed.stats()


@pytest.mark.parametrize("saved", [{"seen": 3, "refused": 0}, {"seen": 9, "refused": -1}, {"seen": 9}])
def test_a_state_that_does_not_fit_is_refused(saved):
    buffer = streamed(5, 9, reservoir())
    state = buffer.state_dict()
    state["layers"][0]["state"] = saved
    before = held(buffer)

    with pytest.raises(CorruptSnapshot, match="reservoir"):
        buffer.load_state_dict(state)
    assert before == held(buffer)


def test_it_is_refused_where_rows_are_written_in_turn():
    with pytest.raises(ChainError, match=r"rows\. Use an ObjectStorage"):
        DequeBuffer(8, storage=SharedStorage({"a": int})).use(reservoir())

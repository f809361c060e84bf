from __future__ import annotations

import math
import threading
from collections import Counter

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import BadArgument, ChainError, CorruptSnapshot, SchemaError
from ding_buffer.middleware.removals import track_removed
from ding_buffer.middleware.replacement import RandomReplacement, random_replacement
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.memmap_storage import MemmapStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.storages.shared_storage import SharedStorage
from ding_buffer.testing.distribution import surprise
from ding_buffer.testing.middleware_suite import MiddlewareSuite


class OldestFirst(RandomReplacement):
    """Chooses what gives way anyway, so that all that a plain buffer promises can be asked for."""

    def push(self, chain, data, meta=None):
        self._pick = lambda count: self._store.ring.slot_at(0)
        return super().push(chain, data, meta)


class TestRandomReplacement(MiddlewareSuite):
    def make_layer(self):
        return OldestFirst()


def filled(layer, size=5, storage=None, seed=0) -> DequeBuffer:
    buffer = DequeBuffer(size, storage=storage, seed=seed).use(layer)
    for number in range(size):
        buffer.push(number)
    return buffer


def held(buffer) -> list:
    return [item.data for item in buffer]


def by_slot(buffer) -> list:
    return [item.data for item in buffer.store.items(sorted(buffer.store.live()))]


def test_a_new_item_takes_the_slot_that_was_picked():
    slots = iter([3, 0, 3])
    buffer = filled(random_replacement(pick=lambda count: next(slots)))
    for number in (10, 11, 12):
        buffer.push(number)

    assert [11, 1, 2, 12, 4] == by_slot(buffer)
    assert [1, 2, 4, 11, 12] == held(buffer)
    assert {"replaced": 3, "refused": 0} == buffer.stats()["random_replacement"]
    assert (8, 3, 0) == tuple(buffer.stats()[key] for key in ("pushed", "evicted", "deleted"))


@pytest.mark.parametrize(("drawn", "comes_in"), [(0.0, True), (0.3, True), (0.31, False), (0.99, False)])
def test_a_draw_of_at_most_the_probability_lets_the_new_item_in(drawn, comes_in):
    buffer = filled(random_replacement(0.3, draw=lambda: drawn))
    item = buffer.push(9)

    assert comes_in is (item is not None)
    assert comes_in is (9 in held(buffer))
    assert 5 == len(buffer)


def test_until_it_is_full_everything_comes_in_and_nothing_is_drawn():
    def never(*_):
        raise AssertionError("nothing is to be decided")

    assert [0, 1, 2, 3, 4] == held(filled(random_replacement(0.0, draw=never, pick=never)))


def test_many_pushed_at_once_are_decided_one_by_one():
    draws = iter([0.9, 0.1, 0.9])
    buffer = filled(random_replacement(0.5, draw=lambda: next(draws), pick=lambda count: 1))
    items = buffer.extend([5, 6, 7])

    assert [None, 6, None] == [item and item.data for item in items]
    assert [0, 6, 2, 3, 4] == by_slot(buffer)


def slots_taken(buffer, pushes: int) -> Counter:
    """Returns how often each slot got a new item."""
    taken: Counter[int] = Counter()
    for number in range(pushes):
        item = buffer.push(number)
        taken[int(buffer.store.slots_of(item.index)[0])] += 1
    return taken


@pytest.mark.parametrize("picked", [-1, 5, 1.5, None])
def test_a_pick_that_is_no_slot_is_refused_and_nobody_gives_way(picked):
    buffer = filled(random_replacement(pick=lambda count: picked))
    with pytest.raises(TypeError):
        buffer.push(9)

    assert [0, 1, 2, 3, 4] == held(buffer)
    assert 0 == buffer.stats()["random_replacement"]["replaced"]
    buffer.view().push(9)
    assert [1, 2, 3, 4, 9] == held(buffer)


def test_a_pick_may_be_a_number_of_numpy():
    buffer = filled(random_replacement(pick=lambda count: np.int64(2)))
    buffer.push(9)

    assert [0, 1, 9, 3, 4] == by_slot(buffer)


def test_every_slot_is_taken_equally_often():
    taken = slots_taken(filled(random_replacement(), size=20), 60_000)

    assert surprise([taken[slot] for slot in range(20)], [3000] * 20) < 4


def test_that_test_would_notice_slots_that_are_a_little_preferred():
    rng = np.random.default_rng(1)

    def pick(count):
        return int(rng.integers(count)) if rng.random() < 0.97 else int(rng.integers(count // 2))

    taken = slots_taken(filled(random_replacement(pick=pick), size=20), 60_000)

    assert surprise([taken[slot] for slot in range(20)], [3000] * 20) > 4


def ages(chance: float, size=20, pushes=50_000) -> np.ndarray:
    """Returns how many pushes each item lived that was replaced."""
    lives: list[int] = []
    now = 0
    buffer = DequeBuffer(size, seed=3)
    buffer.use(random_replacement(chance))
    buffer.use(track_removed(lambda items, reason: lives.extend(now - item.data for item in items)))
    for now in range(pushes):
        buffer.push(now)
    return np.array(lives)


@pytest.mark.parametrize("chance", [1.0, 0.3])
def test_an_item_lives_for_size_over_probability_pushes_on_average(chance):
    lives = ages(chance)

    assert len(lives) > 10_000
    assert abs(lives.mean() - 20 / chance) < 5 * (20 / chance) / math.sqrt(len(lives))
    # And that they go at random: the spread is that of a geometric distribution, not that of a queue.
    assert lives.std() == pytest.approx(20 / chance, rel=0.05)


def test_that_test_would_notice_a_probability_that_is_off_by_a_tenth():
    lives = ages(0.33)

    assert abs(lives.mean() - 20 / 0.3) > 5 * (20 / 0.3) / math.sqrt(len(lives))


def test_all_that_is_held_is_replaced_after_the_expected_survival_length():
    size, survival = 50, 1000
    waits = []
    for seed in range(300):
        buffer = filled(random_replacement(expected_survival_length=survival), size=size, seed=seed)
        left, pushes = set(range(size)), 0
        while left:
            buffer.push(-1)
            pushes += 1
            left &= set(held(buffer))
        waits.append(pushes)

    # Exactly it is size * H(size) / probability, which the formula takes a logarithm for.
    assert np.mean(waits) == pytest.approx(survival, abs=4 * np.std(waits) / math.sqrt(300) + 2)


def test_the_survival_length_sets_the_probability_by_the_size_of_the_buffer():
    layer = random_replacement(expected_survival_length=5000)
    DequeBuffer(200).use(layer)

    assert 200 / 5000 * (math.log(200) + 0.5772156649015329) == pytest.approx(layer.replace_probability)


@pytest.mark.parametrize(
    "settings",
    [
        {"replace_probability": -0.1},
        {"replace_probability": 1.1},
        {"replace_probability": math.nan},
        {"replace_probability": True},
        {"expected_survival_length": 0},
        {"expected_survival_length": -5},
        {"expected_survival_length": math.nan},
        {"replace_probability": 0.5, "expected_survival_length": 10},
    ],
    ids=str,
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(BadArgument, match=r"replace_probability|expected_survival_length"):
        random_replacement(**settings)


class Refuses(Middleware):
    """Lets nothing more in."""

    def push(self, chain, data, meta=None):
        return None


def test_nobody_gives_way_to_an_item_that_a_layer_further_in_refuses():
    buffer = filled(random_replacement())
    buffer.use(Refuses())
    for number in range(20):
        assert buffer.push(number) is None

    assert [0, 1, 2, 3, 4] == held(buffer)
    assert 0 == buffer.stats()["random_replacement"]["replaced"]
    buffer.view().push(9)
    assert [1, 2, 3, 4, 9] == held(buffer)


def test_nobody_gives_way_to_an_item_that_the_storage_refuses():
    buffer = filled(random_replacement(pick=lambda count: 2), storage=ColumnStorage())
    with pytest.raises(SchemaError):
        buffer.push("no number")

    assert [0, 1, 2, 3, 4] == held(buffer)
    buffer.view().push(9)
    assert [1, 2, 3, 4, 9] == held(buffer)


def test_what_gives_way_counts_and_is_told_of_as_evicted():
    told = []
    slots = iter([3, 1])
    buffer = filled(random_replacement(pick=lambda count: next(slots)))
    buffer.use(track_removed(lambda items, reason: told.append((reason, [item.data for item in items]))))
    buffer.push(5)
    buffer.push(6)

    assert [("evicted", [3]), ("evicted", [1])] == told


@pytest.mark.parametrize("make", [ObjectStorage, ColumnStorage, MemmapStorage])
def test_after_thousands_of_replacements_order_groups_and_items_agree(make, tmp_path):
    storage = make(tmp_path) if make is MemmapStorage else make()
    buffer = DequeBuffer(30, storage=storage, seed=1).use(random_replacement(0.8))
    rng = np.random.default_rng(2)
    for number in range(3000):
        buffer.push(number, meta={"env": number % 4})
        if number % 50 == 49:
            buffer.sample(2, groupby="env")
            buffer.delete([buffer[int(rng.integers(len(buffer)))].index])
            buffer.store.check()

    assert held(buffer) == sorted(held(buffer))
    assert set(held(buffer)) == {item.data for item in buffer.sample(len(buffer))}


def test_a_full_buffer_with_replaced_items_is_sampled_evenly():
    buffer = filled(random_replacement(), size=20)
    for number in range(200):
        buffer.push(number)
    place = {item.index: place for place, item in enumerate(buffer)}
    drawn = Counter(place[item.index] for _ in range(10_000) for item in buffer.sample(5))

    assert surprise([drawn[place] for place in range(20)], [2500] * 20) < 4
    newest = {item.index for item in list(buffer)[-3:]}
    assert newest == {item.index for item in buffer.sample(3, sample_range=slice(-3, None))}


def test_with_a_seed_the_same_items_are_held():
    runs = [filled(random_replacement(0.5), size=8, seed=seed) for seed in (4, 4, 5)]
    for buffer in runs:
        buffer.extend(range(100))

    assert held(runs[0]) == held(runs[1]) != held(runs[2])


def test_a_resumed_run_replaces_the_same_items():
    buffer = filled(random_replacement(0.5), size=8)
    buffer.extend(range(100))
    resumed = DequeBuffer(8).use(random_replacement(0.5))
    resumed.load_state_dict(buffer.state_dict())
    for one in (buffer, resumed):
        one.extend(range(200, 260))

    assert by_slot(buffer) == by_slot(resumed)
    assert buffer.stats() == resumed.stats()
    state = buffer.state_dict()
    state["layers"][0]["state"] = {"replaced": 1}
    with pytest.raises(CorruptSnapshot, match="random_replacement"):
        resumed.load_state_dict(state)


def test_it_is_refused_where_rows_are_written_in_turn():
    with pytest.raises(ChainError, match=r"oldest rows\. Use a DequeBuffer"):
        DequeBuffer(8, storage=SharedStorage({"a": int})).use(random_replacement())


def test_writers_and_samplers_in_threads_lose_nothing():
    told: list[int] = []
    buffer = DequeBuffer(50, seed=0).use(random_replacement(0.7))
    buffer.use(track_removed(lambda items, reason: told.extend(item.data for item in items)))
    came_in: list[list[int]] = [[], []]
    stop = threading.Event()

    def write(which):
        for number in range(which, 4000, 2):
            if buffer.push(number) is not None:
                came_in[which].append(number)

    def draw():
        while not stop.is_set():
            if len(buffer) == 50:
                assert 8 == len({item.index for item in buffer.sample(8)})

    drawer = threading.Thread(target=draw)
    writers = [threading.Thread(target=write, args=(which,)) for which in (0, 1)]
    drawer.start()
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    drawer.join()

    assert sorted([*came_in[0], *came_in[1]]) == sorted([*told, *held(buffer)])
    buffer.store.check()

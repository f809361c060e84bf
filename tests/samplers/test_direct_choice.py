from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.annealing import Annealing
from ding_buffer.kernels.chosen import NAME
from ding_buffer.middleware import PriorityExperienceReplay
from ding_buffer.samplers.direct_choice import quick_choice
from ding_buffer.samplers.proportional import ProportionalSampler
from ding_buffer.samplers.rank_based import RankSampler
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.structures.ring_index import RingIndex

only_c = pytest.mark.skipif(NAME != "c", reason="only the C kernels have a shorter way")


def store_of(count, capacity=50):
    """What is known of a store that so many items were pushed into."""
    ring = RingIndex(capacity)
    for _ in range(count):
        ring.advance()
    return SimpleNamespace(ring=ring, rng=np.random.default_rng(8))


def filled(priorities, kind=ProportionalSampler):
    sampler = kind(50, 0.6)
    if len(priorities):
        sampler.set(np.arange(len(priorities)), np.asarray(priorities, dtype=np.float64))
    return sampler


@only_c
@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize(("start", "over"), [(0.4, 5), (0.3, 0), (1.0, 2.5), (0, 7)])
def test_it_draws_what_the_sampler_would_with_the_same_numbers(stratified, start, over):
    priorities = np.random.default_rng(1).random(40) * 3
    store, twin_store = store_of(40), store_of(40)
    annealing, twin = Annealing(start, over), Annealing(start, over)
    sampler = filled(priorities)
    choose = quick_choice(store, sampler, stratified, annealing)
    assert choose is not None

    for size in (1, 3, 200, 7, 0, 9, 11, 2):
        sampler.set([size % 40], [float(size)])
        slots, weights = choose(size)
        right = sampler.draw_weighed(twin_store.rng, size, stratified, twin.step())
        assert right[0].tolist() == slots.tolist()
        assert right[1].tolist() == weights.tolist()
        assert twin.samples == annealing.samples
    assert twin_store.rng.random() == store.rng.random()


@only_c
@pytest.mark.parametrize("size", [1, 256, 900])
def test_rows_and_metas_of_far_memory_are_fetched_ahead_and_taken_as_they_are(size):
    count = 100_000
    numbers = np.arange(count)
    buffer = DequeBuffer(count, storage=ColumnStorage(), seed=0).use(PriorityExperienceReplay())
    buffer.extend(
        {"a": np.repeat(numbers, 6).reshape(count, 6)}, meta={"priority": numbers + 1.0, "n": numbers}
    )
    batch = buffer.sample(size)

    assert batch.meta["n"].tolist() == batch.slots.tolist() == batch.data["a"][:, 5].tolist()
    assert (batch.slots + 1.0).tolist() == batch.meta["priority"].tolist()


@only_c
def test_a_generator_that_takes_the_place_of_another_is_used():
    store, sampler = store_of(5), filled(np.ones(5))
    choose = quick_choice(store, sampler, False, Annealing(1.0))
    assert choose is not None
    first = choose(20)[0].tolist()
    store.rng = np.random.default_rng(8)
    assert first == choose(20)[0].tolist()


@only_c
@pytest.mark.parametrize(("count", "priorities"), [(0, []), (0, [1.0]), (3, [])])
def test_where_there_is_nothing_to_draw_it_says_so_and_uses_no_number(count, priorities):
    store, annealing = store_of(count), Annealing(0.4, 5)
    choose = quick_choice(store, filled(priorities), True, annealing)
    assert choose is not None
    assert choose(4) is None
    assert 0 == annealing.samples
    assert np.random.default_rng(8).random() == store.rng.random()


def test_there_is_no_shorter_way_for_ranks_and_schedules():
    assert quick_choice(store_of(3), filled([1.0], RankSampler), True, Annealing(0.4)) is None
    assert quick_choice(store_of(3), filled([1.0]), True, Annealing(0.4, 5, lambda samples: 0.5)) is None


def test_there_is_none_for_a_sampler_that_draws_otherwise():
    class Otherwise(ProportionalSampler):
        pass

    assert quick_choice(store_of(3), filled([1.0], Otherwise), True, Annealing(0.4)) is None

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.structures.rank_index import RankIndex

PRIORITIES = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 1e-12, 1e12, 1e-307, 1.7e308]), st.floats(0, 10, width=32)
)
BATCH = st.lists(st.tuples(st.integers(0, 10**6), PRIORITIES), max_size=150)


def in_order(priorities):
    """The slots of a dict by falling priority, then by slot."""
    return [slot for slot, _ in sorted(priorities.items(), key=lambda item: (-item[1], item[0]))]


def order_of(index):
    return index.slots_at(np.arange(1, len(index) + 1)).tolist()


def filled(priorities):
    index = RankIndex(len(priorities))
    index.set(np.arange(len(priorities)), priorities)
    return index


@given(
    st.sampled_from([1, 2, 10, 100, 1000]),
    st.lists(st.tuples(BATCH, st.lists(st.integers(0, 10**6))), max_size=6),
)
def test_the_index_agrees_with_sorting(capacity, rounds):
    index = RankIndex(capacity)
    twin: dict[int, float] = {}
    for batch, removed in rounds:
        slots = [slot % capacity for slot, _ in batch]
        index.set(slots, [priority for _, priority in batch])
        twin.update(zip(slots, [priority for _, priority in batch], strict=True))
        removed = [slot % capacity for slot in removed]
        index.remove(removed)
        for slot in removed:
            twin.pop(slot, None)

        index.check()
        expected = in_order(twin)
        assert len(twin) == len(index)
        assert expected == order_of(index)
        assert list(range(1, len(twin) + 1)) == index.ranks(expected).tolist()
        assert [twin[slot] for slot in expected] == index.priorities(expected).tolist()


@pytest.mark.parametrize("how", ["random", "equal", "rising", "falling", "tiny range"])
def test_the_order_stays_exact_over_many_changes(how):
    rng, n = np.random.default_rng(0), 3000
    index, twin = RankIndex(n), np.zeros(n)
    for step in range(300):
        slots = rng.permutation(n)[:200]
        priorities = {
            "random": rng.random(200),
            "equal": np.full(200, step % 3),
            "rising": np.full(200, float(step)) + rng.random(200),
            "falling": 1.0 / (step + 1 + rng.random(200)),
            "tiny range": 1.0 + rng.integers(0, 1000, 200) * 2.0**-30,
        }[how]
        index.set(slots, priorities)
        twin[slots] = priorities
    index.set(np.arange(n), twin)

    index.check()
    assert np.lexsort((np.arange(n), -twin)).tolist() == order_of(index)


def test_the_order_does_not_depend_on_how_it_came_about():
    rng = np.random.default_rng(0)
    priorities = rng.integers(0, 50, 2000) / 7
    grown = RankIndex(2000)
    for slots in np.array_split(rng.permutation(2000), 300):
        grown.set(slots, rng.random(slots.size))
        grown.set(slots, priorities[slots])

    assert order_of(filled(priorities)) == order_of(grown)


def test_the_rows_do_not_grow_without_bound_when_slots_come_and_go():
    rng = np.random.default_rng(0)
    index = filled(rng.random(10_000))
    for low in np.linspace(0.0, 10.0, 400):
        index.set(rng.integers(10_000, size=200), low + rng.random(200))
    assert len(index._places) <= 4 * (10_000 // 64 + 1)
    index.remove(np.arange(1, 10_000))

    index.check()
    assert 4 >= len(index._places)
    assert 1 == len(index)


def test_capacity_one_ranks_its_only_slot():
    index = RankIndex(1)
    index.set([0], [0.0])

    assert [0] == index.slots_at([1]).tolist()
    assert [1] == index.ranks([0]).tolist()


def test_equal_priorities_rank_by_slot():
    assert list(range(500)) == order_of(filled(np.full(500, 0.7)))


def test_priorities_that_float32_cannot_tell_apart_rank_right():
    assert [2, 1, 0] == order_of(filled([1.0, 1.0 + 2.0**-40, 1.0 + 2.0**-39]))


def test_of_a_slot_named_twice_the_last_priority_stays():
    index = RankIndex(5)
    index.set([1, 2, 1], [9.0, 5.0, 1.0])

    assert [2, 1] == order_of(index)
    assert [1.0] == index.priorities([1]).tolist()


def test_one_priority_may_serve_for_all_slots():
    index = RankIndex(5)
    index.set([4, 2], 3.0)

    assert [2, 4] == order_of(index)


def test_no_slots_change_nothing():
    index = filled([1.0, 2.0])
    index.set([], [])
    index.remove([])

    assert [1, 0] == order_of(index)
    assert [] == index.slots_at([]).tolist()
    assert [] == index.ranks([]).tolist()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, -1e-300])
def test_a_priority_that_cannot_be_is_refused_with_nothing_changed(wrong):
    index = filled([1.0, 3.0, 2.0])

    with pytest.raises(ValueError, match="a priority must be finite"):
        index.set([0, 1], [9.0, wrong])
    with pytest.raises(ValueError, match="a priority must be finite"):
        index.load_state_dict({"priorities": [1.0, wrong, 1.0], "live": np.ones(3, dtype=bool)})
    assert [1, 2, 0] == order_of(index)
    index.check()


@pytest.mark.parametrize("wrong", [-1, 3])
def test_a_slot_out_of_range_is_refused_with_nothing_changed(wrong):
    index = filled([1.0, 3.0, 2.0])

    with pytest.raises(IndexError):
        index.set([0, wrong], [9.0, 9.0])
    with pytest.raises(IndexError):
        index.remove([0, wrong])
    assert [1, 2, 0] == order_of(index)


@pytest.mark.parametrize("wrong", [-1, 0, 4])
def test_a_rank_out_of_range_is_refused(wrong):
    with pytest.raises(IndexError):
        filled([1.0, 3.0, 2.0]).slots_at([1, wrong])


def test_a_slot_that_is_not_held_has_no_rank():
    index = filled([1.0, 3.0, 2.0])
    index.remove([1, 1])
    index.remove([1])

    assert [True, False, True] == index.live.tolist()
    with pytest.raises(KeyError, match="slot 1"):
        index.ranks([0, 1])
    with pytest.raises(KeyError, match="slot 1"):
        index.priorities([1])


def test_as_many_priorities_as_slots_are_wanted():
    with pytest.raises(ValueError, match="got 1 priorities for 2 slots"):
        RankIndex(5).set([1, 2], [1.0])


@pytest.mark.parametrize("capacity", [0, 2**40])
def test_a_capacity_that_cannot_be_is_refused(capacity):
    with pytest.raises(ValueError, match="room"):
        RankIndex(capacity)


def test_a_cleared_index_is_like_a_new_one():
    index = filled(np.random.default_rng(0).random(500))
    index.clear()
    index.check()
    assert 0 == len(index)
    index.set([3], [1.0])

    assert [3] == order_of(index)


def test_a_state_brings_back_the_same_order():
    rng = np.random.default_rng(0)
    index = filled(rng.random(500))
    index.remove(rng.integers(500, size=100))
    twin = RankIndex(500)
    twin.set([1, 2], [1.0, 2.0])
    twin.load_state_dict(index.state_dict())

    twin.check()
    assert order_of(index) == order_of(twin)


def test_the_state_of_an_empty_index_empties_another():
    index = filled([1.0, 2.0])
    index.load_state_dict(RankIndex(2).state_dict())

    index.check()
    assert 0 == len(index)


@pytest.mark.parametrize(
    "state",
    [
        {"priorities": np.ones(2), "live": np.ones(3, dtype=bool)},
        {"priorities": np.ones(3), "live": np.ones(4, dtype=bool)},
        {"priorities": np.ones(3), "live": np.ones(3)},
    ],
)
def test_a_state_of_another_shape_is_refused_with_nothing_changed(state):
    index = filled([1.0, 3.0, 2.0])

    with pytest.raises(ValueError, match=r"expected two arrays|array of bool"):
        index.load_state_dict(state)
    assert [1, 2, 0] == order_of(index)


def test_a_copy_is_an_index_of_its_own():
    index = filled([1.0, 3.0, 2.0])
    twin = copy.deepcopy(index)
    twin.set([0], [9.0])

    twin.check()
    assert [1, 2, 0] == order_of(index)
    assert [0, 1, 2] == order_of(twin)


def spoil_a_priority(index):
    index._priorities[0] = 5.0


def spoil_a_count(index):
    index._counts[0] += 1


def spoil_a_separator(index):
    index._separators[1] += np.uint64(2**62)


def spoil_the_length(index):
    index._length += 1


@pytest.mark.parametrize("spoil", [spoil_a_priority, spoil_a_count, spoil_a_separator, spoil_the_length])
def test_an_index_that_disagrees_with_its_priorities_is_noticed(spoil):
    index = filled(np.random.default_rng(0).random(100))
    index.check()
    spoil(index)

    with pytest.raises(RuntimeError, match="rank index"):
        index.check()

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.structures.fenwick import Fenwick

SIZES = [0, 1, 2, 3, 7, 8, 9, 100, 1000]


def counted(counts):
    fenwick = Fenwick(len(counts))
    fenwick.rebuild(np.array(counts, dtype=np.int64))
    return fenwick


@given(
    st.integers(1, 200), st.lists(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 5)), max_size=80))
)
def test_the_tree_agrees_with_a_list_of_counts(size, batches):
    fenwick, counts = Fenwick(size), np.zeros(size, dtype=np.int64)
    for batch in batches:
        positions = [position % size for position, _ in batch]
        deltas = [delta for _, delta in batch]
        fenwick.add_many(positions, deltas)
        for position, delta in zip(positions, deltas, strict=True):
            counts[position] += delta
        if positions:
            taken = int(counts[positions[0]])
            fenwick.add(positions[0], -taken)
            counts[positions[0]] -= taken

        fenwick.check()
        things = np.repeat(np.arange(size), counts)
        assert counts.tolist() == fenwick.counts().tolist()
        assert counts.sum() == fenwick.total
        assert [0, *np.cumsum(counts)] == fenwick.prefix_many(np.arange(size + 1)).tolist()
        assert [0, *np.cumsum(counts)] == [fenwick.prefix(position) for position in range(size + 1)]
        assert things.tolist() == fenwick.select_many(np.arange(len(things))).tolist()
        assert things.tolist() == [fenwick.select(k) for k in range(len(things))]


@pytest.mark.parametrize("size", SIZES)
def test_a_new_tree_counts_nothing(size):
    fenwick = Fenwick(size)

    fenwick.check()
    assert size == len(fenwick)
    assert 0 == fenwick.total
    assert [0] * (size + 1) == fenwick.prefix_many(np.arange(size + 1)).tolist()


@pytest.mark.parametrize("size", SIZES)
def test_counts_set_at_once_are_the_counts_got_back(size):
    counts = np.random.default_rng(size).integers(0, 9, size)
    fenwick = counted(counts)

    fenwick.check()
    assert counts.tolist() == fenwick.counts().tolist()


@pytest.mark.parametrize("many", [3, 20, 900])
def test_one_delta_serves_for_all_and_counts_twice_where_a_position_is_named_twice(many):
    fenwick = Fenwick(1000)
    fenwick.add_many([5] * many + [999], 2)

    assert 2 * many == fenwick.prefix(6)
    assert 2 * many + 2 == fenwick.total
    fenwick.add_many([5] * many, -2)
    assert 2 == fenwick.total


@pytest.mark.parametrize("wrong", [-1, 10])
def test_a_position_out_of_range_is_refused_with_nothing_changed(wrong):
    fenwick = counted([1] * 10)

    with pytest.raises(IndexError):
        fenwick.add(wrong, 1)
    with pytest.raises(IndexError):
        fenwick.add_many([0, wrong], 1)
    with pytest.raises(IndexError):
        fenwick.prefix(wrong if wrong < 0 else 11)
    with pytest.raises(IndexError):
        fenwick.prefix_many([wrong if wrong < 0 else 11])
    assert [1] * 10 == fenwick.counts().tolist()


@pytest.mark.parametrize("wrong", [-1, 3])
def test_what_is_not_counted_cannot_be_selected(wrong):
    fenwick = counted([0, 2, 0, 1])

    with pytest.raises(IndexError):
        fenwick.select(wrong)
    with pytest.raises(IndexError):
        fenwick.select_many([wrong])


def test_counts_that_cannot_be_are_refused_with_nothing_changed():
    fenwick = counted([1, 2, 3])

    with pytest.raises(ValueError, match="shape"):
        fenwick.rebuild([1, 2])
    with pytest.raises(ValueError, match="whole numbers"):
        fenwick.rebuild([1, -2, 3])
    with pytest.raises(ValueError, match="whole numbers"):
        fenwick.rebuild([1.5, 2.0, 3.0])
    with pytest.raises(ValueError, match="whole numbers"):
        fenwick.add_many([0], [0.5])
    with pytest.raises(ValueError, match="got 2 deltas for 3 positions"):
        fenwick.add_many([0, 1, 2], [1, 2])
    with pytest.raises(ValueError, match="negative"):
        Fenwick(-1)
    assert [1, 2, 3] == fenwick.counts().tolist()


def test_a_count_below_zero_is_noticed():
    fenwick = counted([1, 2, 3])
    fenwick.add(1, -3)

    with pytest.raises(RuntimeError, match="position 1 is negative"):
        fenwick.check()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda tree: pickle.loads(pickle.dumps(tree))])
def test_a_copy_counts_on_its_own_one_by_one_and_many_at_once(copied):
    fenwick = counted([1] * 40)
    twin = copied(fenwick)
    twin.add(3, 5)
    twin.add_many(np.arange(40), 1)

    twin.check()
    assert 85 == twin.total == twin.prefix(40) == twin.prefix_many([40])[0]
    assert 40 == fenwick.total == fenwick.prefix_many([40])[0]

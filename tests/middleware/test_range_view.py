from __future__ import annotations

import itertools

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, BadQuery, ChainError, NotEnoughItems, UnknownIndex
from ding_buffer.middleware.range_view import sample_range_view
from ding_buffer.testing.distribution import surprise
from ding_buffer.testing.middleware_suite import MiddlewareSuite

LIMIT = 3.72  # a standard normal deviate lies above it with a probability of 1e-4


class TestViewOfEverything(MiddlewareSuite):
    def make_layer(self):
        return sample_range_view(start=-1000)


class TestNewestView(MiddlewareSuite):
    def make_layer(self):
        return sample_range_view(start=-10)

    def test_any_operations_agree_with_a_plain_list(self):
        """A plain list knows no view; ``test_what_is_drawn_lies_in_the_range`` is its twin."""


def filled(count: int, size: int, *layers) -> DequeBuffer:
    buffer = DequeBuffer(size, seed=0).use(*layers)
    buffer.extend(range(count), meta={"env": [number % 3 for number in range(count)]})
    return buffer


BOUNDS = [None, 0, 2, 5, 9, 100, -1, -3, -9, -100]


@pytest.mark.parametrize("count", [3, 9, 14], ids=["partial", "full", "wrapped"])
@pytest.mark.parametrize(("start", "end"), list(itertools.product(BOUNDS, BOUNDS))[1:])
def test_what_is_drawn_lies_in_the_range(count, start, end):
    buffer = filled(count, 9, sample_range_view(start=start, end=end))
    allowed = [item.data for item in buffer][start:end]

    if not allowed:
        with pytest.raises(NotEnoughItems):
            buffer.sample(1, replace=True)
        return
    assert sorted(allowed) == sorted(item.data for item in buffer.sample(len(allowed)))
    assert set(allowed) >= {item.data for item in buffer.sample(20, replace=True)}
    with pytest.raises(NotEnoughItems):
        buffer.sample(len(allowed) + 1)


def test_every_item_of_the_range_is_equally_likely():
    buffer = filled(20, 12, sample_range_view(start=-7, end=-1))
    drawn = [item.data for _ in range(10_000) for item in buffer.sample(5)]
    counts = np.bincount(drawn, minlength=20)

    assert [13, 14, 15, 16, 17, 18] == np.flatnonzero(counts).tolist()
    assert LIMIT > surprise(counts[13:19], np.full(6, 50_000 / 6))
    assert LIMIT < surprise(counts[13:19] + np.array([400, 0, 0, 0, 0, -400]), np.full(6, 50_000 / 6))


def test_it_follows_the_newest_items():
    buffer = filled(5, 9, sample_range_view(start=-2))
    for number in range(50, 60):
        buffer.push(number)
        if number % 3 == 0:
            buffer.delete(buffer[-2].index)
        assert {item.data for item in buffer[-2:]} == {item.data for item in buffer.sample(2)}


def test_the_other_arguments_pass():
    buffer = filled(9, 9, sample_range_view(start=-4))

    assert 7 == len(buffer.sample(7, replace=True))
    assert [[6], [7], [5, 8]] == sorted(
        ([item.data for item in group] for group in buffer.sample(3, groupby="env")),
        key=lambda group: (len(group), group),
    )
    assert [] == buffer.sample(9, ignore_insufficient=True)
    assert [8] == [item.data for item in buffer.sample(indices=[buffer[8].index])]
    with pytest.raises(UnknownIndex, match="outside"):
        buffer.sample(indices=[buffer[0].index])


def test_a_range_of_the_caller_lies_within_the_view():
    buffer = filled(9, 9, sample_range_view(start=-4))

    assert {5, 6} == {item.data for item in buffer.sample(2, sample_range=slice(None, 2))}
    assert {8} == {item.data for item in buffer.sample(1, sample_range=slice(-1, None))}


def test_of_two_views_the_outer_lies_within_the_inner():
    buffer = filled(9, 9, sample_range_view(end=2), sample_range_view(start=-4))

    assert {5, 6} == {item.data for item in buffer.sample(2)}
    assert {6} == {item.data for item in buffer.sample(1, sample_range=slice(1, None))}


def test_without_bounds_it_is_refused():
    with pytest.raises(BadQuery, match="start or end"):
        sample_range_view()
    with pytest.raises(AssertionError):
        sample_range_view(DequeBuffer(3))


@pytest.mark.parametrize("bound", [1.5, "3", True])
def test_a_bound_that_is_no_int_is_refused(bound):
    with pytest.raises(BadArgument, match="start"):
        sample_range_view(start=bound)
    with pytest.raises(BadArgument, match="end"):
        sample_range_view(end=bound)


def test_a_bound_may_be_an_integer_of_numpy():
    assert 2 == len(filled(9, 9, sample_range_view(start=np.int64(-2))).sample(2))


def test_both_spellings_work_and_a_mix_up_is_told():
    buffer, other = DequeBuffer(5), DequeBuffer(5)
    buffer.use(sample_range_view(buffer, -3, None))

    with pytest.raises(ChainError, match="another buffer"):
        other.use(sample_range_view(buffer, start=-3))

"""How often each item, group and window is drawn: chi-square against what is right, and planted faults."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ding_buffer.buffers import selection
from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.samplers import sequence, uniform
from ding_buffer.testing.distribution import surprise

UNLIKELY = 3.7
"""A right distribution comes out this surprising once in 10,000 times."""
DRAWS = 60_000


def filled(count=20, size=20, **options):
    """Groups of 1, 2, 3, 4 and 10 items, in turn; what is drawn depends on no index."""
    envs = [env for turn in range(10) for env, length in enumerate((1, 2, 3, 4, 10)) if turn < length]
    buffer = DequeBuffer(size, seed=5, **options)
    for number in range(count):
        buffer.push(number, {"env": envs[number % 20]})
    return buffer


def scattered():
    """Thirty pushed into room for twenty-five, every third then deleted."""
    buffer = filled(30, size=25)
    buffer.delete([item.index for item in buffer][::3])
    return buffer


def surprise_of_items(buffer, size=5, allowed=None, **query):
    """How surprising it is, if all items of a range are alike, how often each is drawn and comes first."""
    held = [item.data for item in buffer]
    allowed = held if allowed is None else held[allowed]
    times = DRAWS // size
    batches = [[item.data for item in buffer.sample(size, **query)] for _ in range(times)]
    drawn = Counter(value for batch in batches for value in batch)
    first = Counter(batch[0] for batch in batches)
    assert set(drawn) <= set(allowed)
    return max(
        surprise([seen[value] for value in allowed], [seen.total() / len(allowed)] * len(allowed))
        for seen in (drawn, first)
    )


ITEMS = {
    "without replacement": {},
    "with replacement": {"replace": True},
    "the newest seven": {"sample_range": slice(-7, None)},
    "every third with replacement": {"sample_range": slice(1, None, 3), "replace": True},
    "every other from the newest": {"sample_range": slice(None, None, -2)},
}


@pytest.mark.parametrize("query", ITEMS.values(), ids=ITEMS.keys())
@pytest.mark.parametrize("make", [filled, scattered])
def test_all_items_are_drawn_alike(make, query):
    assert UNLIKELY > surprise_of_items(make(), allowed=query.get("sample_range"), **query)


def test_an_item_that_is_drawn_too_seldom_would_be_noticed(monkeypatch):
    def lazy(rng, n, k):
        """Gives the oldest away in one of ten batches that hold it."""
        drawn = uniform.distinct(rng, n, k)
        spare = np.setdiff1d(np.arange(n), drawn)[0]
        return np.where(drawn == 0, spare if rng.random() < 0.1 else 0, drawn)

    monkeypatch.setattr(selection, "distinct", lazy)
    assert UNLIKELY < surprise_of_items(scattered())


def test_positions_that_forget_what_was_deleted_would_be_noticed():
    buffer = scattered()
    ring = buffer.store.ring
    holes = ring.slots_at
    buffer.store.ring.slots_at = lambda positions: holes(np.maximum(positions - positions % 2, 0))

    assert UNLIKELY < surprise_of_items(buffer, replace=True)


def surprise_of_groups(buffer, size=2, alike=(0, 1, 2, 3, 4), **query):
    """How surprising it is, if all groups that may be drawn are alike, how often each is."""
    times = DRAWS // size
    drawn = Counter(
        drawn[0].meta["env"] for _ in range(times) for drawn in buffer.sample(size, groupby="env", **query)
    )
    assert set(drawn) <= set(alike)
    return surprise([drawn[env] for env in alike], [drawn.total() / len(alike)] * len(alike))


@pytest.mark.parametrize("replace", [True, False])
def test_all_groups_are_drawn_alike_whatever_their_length(replace):
    assert UNLIKELY > surprise_of_groups(filled(), replace=replace)


@pytest.mark.parametrize("replace", [True, False])
def test_all_groups_that_hold_a_window_are_drawn_alike(replace):
    assert UNLIKELY > surprise_of_groups(filled(), replace=replace, unroll_len=3, alike=(2, 3, 4))


@pytest.mark.parametrize("sample_range", [slice(5, 12), slice(0, 11, 2)])
def test_all_groups_of_a_range_are_drawn_alike(sample_range):
    buffer = filled()
    present = sorted({item.meta["env"] for item in buffer[sample_range]})

    assert 5 > len(present)
    assert UNLIKELY > surprise_of_groups(buffer, sample_range=sample_range, alike=present)


def test_groups_drawn_by_their_length_would_be_noticed(monkeypatch):
    def by_items(rng, index, size, **_):
        slots = [slot for one in index.groups for slot in one.slots]
        return [index.of(slot).slots for slot in rng.choice(slots, size)]

    monkeypatch.setattr(selection, "draw_groups", by_items)
    assert UNLIKELY < surprise_of_groups(filled(), replace=True)


def surprise_of_windows(buffer, length, unroll_len, size=100, **query):
    """How surprising it is how often the windows of one group of a length begin where."""
    starts = Counter(
        window[0].data
        for _ in range(DRAWS // size)
        for window in buffer.sample(size, groupby="env", unroll_len=unroll_len, replace=True, **query)
    )
    last = length - unroll_len
    right = (
        Counter(min(item // unroll_len * unroll_len, last) for item in range(length))
        if buffer.sliced
        else None
    )
    right = right or Counter(range(last + 1))
    assert set(starts) <= set(right)
    return surprise(
        [starts[start] for start in right],
        [starts.total() * count / right.total() for count in right.values()],
    )


def one_group(length, sliced=False):
    buffer = DequeBuffer(length, sliced, seed=6)
    buffer.extend(range(length), {"env": "a"})
    return buffer


@pytest.mark.parametrize(("length", "unroll_len"), [(10, 4), (5, 4)])
def test_w5_every_window_is_drawn_alike_the_last_included(length, unroll_len):
    assert UNLIKELY > surprise_of_windows(one_group(length), length, unroll_len)


@pytest.mark.parametrize(("length", "unroll_len"), [(10, 4), (9, 2)])
def test_sliced_windows_are_drawn_as_often_as_the_items_they_stand_for(length, unroll_len):
    assert UNLIKELY > surprise_of_windows(one_group(length, sliced=True), length, unroll_len)


def test_a_last_window_that_is_never_drawn_would_be_noticed(monkeypatch):
    def off_by_one(rng, lengths, unroll_len, sliced):
        return [start - (start > 0) for start in sequence.window_starts(rng, lengths, unroll_len, sliced)]

    monkeypatch.setattr(selection, "window_starts", off_by_one)
    assert UNLIKELY < surprise_of_windows(one_group(10), 10, 4)

from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.samplers.sequence import window_starts

TIMES = 60_000


def counted(starts, length):
    return np.bincount(starts, minlength=length)


def surprise_of_starts(surprise, draw, length, unroll_len, sliced):
    """How surprising the starts are, if windows are alike, or blocks as likely as the items in them."""
    starts = draw(np.random.default_rng(5), [length] * TIMES, unroll_len, sliced)
    last = length - unroll_len
    right = np.zeros(length)
    if sliced:
        for item in range(length):
            right[min(item // unroll_len * unroll_len, last)] += 1
    else:
        right[: last + 1] = 1
    counts = counted(starts, length)
    assert 0 == counts[right == 0].sum()
    return surprise(counts[right > 0], right[right > 0] / right.sum() * TIMES)


def never_the_last(rng, lengths, unroll_len, sliced):
    return window_starts(rng, [length - 1 for length in lengths], unroll_len, sliced)


def blocks_alike(rng, lengths, unroll_len, sliced):
    """Draws a block rather than an item: a short last block weighs as much as a whole one."""
    lengths = np.asarray(lengths)
    blocks = rng.integers(0, -(-lengths // unroll_len))
    return np.minimum(blocks * unroll_len, lengths - unroll_len).tolist()


@pytest.mark.parametrize(("length", "unroll_len"), [(10, 4), (7, 1), (5, 4), (30, 3)])
def test_every_start_is_equally_likely_the_last_included(surprise, length, unroll_len):
    assert 4.0 > surprise_of_starts(surprise, window_starts, length, unroll_len, sliced=False)


@pytest.mark.parametrize(("length", "unroll_len"), [(10, 4), (8, 4), (5, 4), (31, 3)])
def test_sliced_blocks_are_as_likely_as_the_items_they_stand_for(surprise, length, unroll_len):
    assert 4.0 > surprise_of_starts(surprise, window_starts, length, unroll_len, sliced=True)


def test_a_start_that_is_never_drawn_would_be_noticed(surprise):
    assert 4.0 < surprise_of_starts(surprise, never_the_last, 10, 4, sliced=False)


def test_blocks_that_are_all_alike_would_be_noticed(surprise):
    assert 4.0 < surprise_of_starts(surprise, blocks_alike, 10, 4, sliced=True)


def test_w5_the_last_window_of_ten_items_holds_the_terminal_one():
    starts = window_starts(np.random.default_rng(0), [10] * 1000, 4, sliced=False)

    assert set(range(7)) == set(starts)


def test_a_group_of_exactly_one_window_gives_that_window():
    for sliced in (False, True):
        assert [0, 0, 0] == window_starts(np.random.default_rng(0), [4, 4, 4], 4, sliced)


def test_each_group_has_a_start_of_its_own_length():
    for sliced in (False, True):
        starts = window_starts(np.random.default_rng(0), [4, 5, 1000, 6], 4, sliced)

        assert 4 == len(starts)
        assert all(isinstance(start, int) for start in starts)
        assert all(0 <= start <= length - 4 for start, length in zip(starts, [4, 5, 1000, 6], strict=True))


def test_no_groups_have_no_starts():
    assert [] == window_starts(np.random.default_rng(0), [], 4, sliced=False)
    assert [] == window_starts(np.random.default_rng(0), [], 4, sliced=True)

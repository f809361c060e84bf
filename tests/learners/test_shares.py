from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.errors import BadArgument
from ding_buffer.learners.shares import split_batch


@pytest.mark.parametrize(
    ("batch_size", "shares", "sizes"),
    [
        (64, [0.5, 0.5], [32, 32]),
        (5, [0.5, 0.5], [3, 2]),
        (10, [0.3, 0.7], [3, 7]),
        (10, [1 / 3, 1 / 3, 1 / 3], [4, 3, 3]),
        (16, [0.01, 0.99], [1, 15]),
        (2, [0.01, 0.99], [1, 1]),
        (8, [1.0], [8]),
        (8, [0.0, 1], [0, 8]),
    ],
)
def test_the_parts_are_rounded_by_the_largest_remainder(
    batch_size: int, shares: list[float], sizes: list[int]
) -> None:
    assert sizes == split_batch(batch_size, shares)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=8), st.integers(8, 4096))
def test_the_parts_sum_to_the_batch_and_none_is_empty_or_far_off(weights: list[int], batch_size: int) -> None:
    shares = [weight / math.fsum(weights) for weight in weights]
    sizes = split_batch(batch_size, shares)

    assert batch_size == sum(sizes)
    assert min(sizes) >= 1
    if all(batch_size * share >= 1 for share in shares):
        assert all(
            abs(size - batch_size * share) < 1 + 1e-6 for size, share in zip(sizes, shares, strict=True)
        )


@pytest.mark.parametrize(
    "shares", [[0.5, 0.25], [2, 3], [-0.5, 1.5], [float("nan"), 1.0], ["half", 0.5], [True]]
)
def test_shares_that_are_no_split_are_refused(shares: list[Any]) -> None:
    with pytest.raises(BadArgument, match="share"):
        split_batch(64, shares)


def test_a_batch_with_fewer_items_than_buffers_is_refused() -> None:
    with pytest.raises(BadArgument, match="enlarge batch_size"):
        split_batch(1, [0.5, 0.5])

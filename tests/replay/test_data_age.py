from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument
from ding_buffer.replay.data_age import COLLECTED, DataAge, collected_iter


def test_what_has_reached_the_limit_goes_and_what_is_younger_stays() -> None:
    buffer = DequeBuffer(8).use(DataAge(3))
    for iteration in range(6):
        buffer.push(iteration, meta={COLLECTED: iteration})
    buffer.sample(1, train_iter_sample_data=5)

    assert [3, 4, 5] == [item.data for item in buffer]


def test_items_come_in_whether_they_tell_their_age_or_not_and_those_without_stay() -> None:
    buffer = DequeBuffer(8).use(DataAge(1))
    buffer.push("old", meta={COLLECTED: 0})
    buffer.push("ageless")
    buffer.extend(["ageless too"])
    batch = buffer.sample(2, train_iter_sample_data=9)

    assert {"ageless", "ageless too"} == {item.data for item in batch}
    assert [False, False] == ["staleness" in item.meta for item in batch]


def test_without_a_limit_nothing_ever_goes() -> None:
    buffer = DequeBuffer(8).use(DataAge(math.inf))
    buffer.push("old", meta={COLLECTED: 0})

    assert 10**9 == buffer.sample(1, train_iter_sample_data=10**9)[0].meta["staleness"]


@pytest.mark.parametrize(
    ("payload", "iteration"),
    [
        ({}, None),
        ({"collect_iter": None}, None),
        ({"collect_iter": []}, None),
        ({"collect_iter": 3}, 3),
        ({"collect_iter": [5, 3, 4]}, 3),
        ({"collect_iter": (5, 2.5)}, 2.5),
        ({"collect_iter": np.int64(4)}, 4),
        ({"collect_iter": np.array([4.0])[0]}, 4.0),
    ],
)
def test_the_earliest_iteration_of_a_payload_counts(payload: dict[str, Any], iteration: Any) -> None:
    assert iteration == collected_iter(payload)


@pytest.mark.parametrize("told", ["three", "3", b"3", [1, "two"], math.nan, object()])
def test_what_is_no_iteration_is_told(told: Any) -> None:
    with pytest.raises(BadArgument, match="collect_iter must be the number of a training iteration"):
        collected_iter({"collect_iter": told})

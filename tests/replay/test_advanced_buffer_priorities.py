"""Priorities that come with items or from the learner, and what they make of draws and weights."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument, BadPriority
from ding_buffer.testing.distribution import surprise
from tests.replay.advanced import feedback, made, priorities

# What comes with the items.


def test_a_priority_may_come_with_the_item_as_any_number_and_without_one_is_the_highest_so_far() -> None:
    buffer = made()
    buffer.push([{"n": 0}, {"n": 1, "priority": 2}, {"n": 2, "priority": None}], 0)
    buffer.push({"n": 3, "priority": np.float32(0.5)}, 0)
    buffer.push({"n": 4}, 0)

    assert [1.0, 2.0, 2.0, 0.5, 2.0] == priorities(buffer)
    assert all(type(data["priority"]) is float for data in buffer.sample(4, 0) or ())
    buffer.clear()
    buffer.push({"n": 5}, 0)
    assert [1.0] == priorities(buffer)


@pytest.mark.parametrize("priority", [-1, math.nan, math.inf, "high"])
def test_a_priority_that_is_none_refuses_the_whole_list(priority: Any) -> None:
    buffer = made()
    with pytest.raises(BadPriority):
        buffer.push([{"n": 0}, {"n": 1, "priority": priority}], 0)

    assert (0, 0) == (buffer.count(), buffer.push_count)


# Draws.


def test_items_are_drawn_in_proportion_to_their_priority_to_the_power_of_alpha() -> None:
    weights = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 3.0, 0.1, 1.5])
    buffer = made(alpha=0.7)
    buffer.push([{"n": n, "priority": weight} for n, weight in enumerate(weights)], 0)
    counts: Counter[int] = Counter()
    for _ in range(2500):
        counts.update(data["n"] for data in buffer.sample(8, 0) or ())
    drawn = [counts[n] for n in range(8)]

    def expected(alpha: float) -> Any:
        masses = (weights + 1e-5) ** alpha
        return 20_000 * masses / masses.sum()

    assert surprise(drawn, expected(0.7)) < 4
    assert surprise(drawn, expected(0.6)) > 4


def test_a_new_priority_changes_the_draws() -> None:
    buffer = made(4, alpha=1.0)
    buffer.push([{"n": n} for n in range(4)], 0)
    batch = buffer.sample(4, 0) or []
    buffer.update(feedback(batch, [float(data["n"]) * 2 for data in batch]))
    counts: Counter[int] = Counter()
    for _ in range(5000):
        counts.update(data["n"] for data in buffer.sample(4, 0) or ())

    expected = np.array([2.0, 4.0, 6.0]) / 12
    assert surprise([counts[n] for n in (1, 2, 3)], expected * (20_000 - counts[0])) < 4
    assert counts[0] < 4


def test_weights_are_normalised_over_the_buffer_and_correct_for_the_draws() -> None:
    buffer = made(alpha=0.6, beta=0.5, anneal_step=0)
    weights = np.array([0.25, 1.0, 4.0, 9.0])
    buffer.push([{"n": n, "priority": weight} for n, weight in enumerate(weights)], 0)
    masses = (weights + 1e-5) ** 0.6
    expected = (masses / masses.min()) ** -0.5
    for _ in range(20):
        for data in buffer.sample(4, 0) or ():
            assert expected[data["n"]] == pytest.approx(data["IS"])
    assert 0.5 == buffer.beta


def test_beta_rises_to_one_while_samples_are_drawn() -> None:
    buffer = made(beta=0.4, anneal_step=10)
    buffer.push([{"n": 0}], 0)
    betas = []
    for _ in range(12):
        betas.append(buffer.beta)
        buffer.sample(1, 0)

    assert [0.4 + 0.06 * step for step in range(11)] + [1.0] == pytest.approx(betas)


# What the learner gives back.


def test_an_update_reaches_the_items_that_are_still_what_they_were() -> None:
    buffer = made(4)
    buffer.push([{"n": n} for n in range(4)], 0)
    batch = sorted(buffer.sample(4, 0) or [], key=lambda data: data["n"])
    buffer.push([{"n": 4}], 0)
    buffer.update(feedback(batch, [10 + data["n"] for data in batch]))

    assert [11.0, 12.0, 13.0, 1.0] == priorities(buffer)
    assert 1 == buffer.stats()["late_updates"]


def test_entries_that_are_none_are_passed_over_and_so_is_an_update_without_priorities() -> None:
    buffer = made(4)
    buffer.push([{"n": n} for n in range(3)], 0)
    info = {
        "replay_buffer_idx": [0, None, 2, 1],
        "replay_unique_id": ["mine_0", None, "mine_2", None],
        "priority": [5, 6, None, 7],
    }
    buffer.update(info)
    buffer.update({**info, "priority": None})
    buffer.update({"replay_buffer_idx": [1], "replay_unique_id": ["mine_1"]})
    buffer.update({"replay_buffer_idx": None, "replay_unique_id": None, "priority": [3]})

    assert [5.0, 1.0, 1.0] == priorities(buffer)
    assert 0 == buffer.stats()["late_updates"]


def test_the_highest_priority_so_far_is_that_of_new_items() -> None:
    buffer = made(4)
    buffer.push([{"n": 0}], 0)
    buffer.update(feedback(buffer.sample(1, 0), np.array([7.0])))
    buffer.push([{"n": 1}], 0)

    assert [7.0, 7.0] == priorities(buffer)


@pytest.mark.parametrize("priority", [-1.0, math.nan])
def test_a_bad_priority_is_told_and_changes_nothing(priority: float) -> None:
    buffer = made(4)
    buffer.push([{"n": n} for n in range(2)], 0)
    batch = sorted(buffer.sample(2, 0) or [], key=lambda data: data["n"])
    with pytest.raises(BadPriority):
        buffer.update(feedback(batch, [3.0, priority]))

    assert [1.0, 1.0] == priorities(buffer)


@pytest.mark.parametrize(
    "info",
    [
        {"replay_buffer_idx": [0], "replay_unique_id": ["mine_0"], "priority": [1, 2]},
        {"replay_buffer_idx": [0.5], "replay_unique_id": ["mine_0"], "priority": [1]},
        {"replay_buffer_idx": [2**70], "replay_unique_id": ["mine_0"], "priority": [1]},
        {"replay_unique_id": ["mine_0"], "priority": [1]},
        {"priority": [1]},
        {"replay_buffer_idx": 0, "replay_unique_id": "mine_0", "priority": 1},
        [{"replay_buffer_idx": 0, "replay_unique_id": "mine_0", "priority": 1}],
        None,
    ],
)
def test_an_update_that_does_not_fit_together_is_told(info: Any) -> None:
    buffer = made()
    buffer.push([{"n": 0}], 0)
    with pytest.raises(BadArgument):
        buffer.update(info)


def test_tensors_serve_as_priorities_and_places() -> None:
    torch = pytest.importorskip("torch")
    buffer = made()
    buffer.push([{"n": n, "obs": torch.zeros(2)} for n in range(2)], 0)
    batch = buffer.sample(2, 0) or []
    buffer.update(
        {
            "replay_buffer_idx": torch.tensor([data["replay_buffer_idx"] for data in batch]),
            "replay_unique_id": [data["replay_unique_id"] for data in batch],
            "priority": torch.tensor([3.0, 3.0]),
        }
    )

    assert 3.0 in priorities(buffer)
    assert isinstance(batch[0]["obs"], torch.Tensor)

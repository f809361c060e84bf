from __future__ import annotations

import logging
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument, BadPriority
from ding_buffer.replay.advanced_buffer import AdvancedReplayBuffer
from ding_buffer.structures.clock import ManualClock
from ding_buffer.testing.distribution import surprise

ADDED = {"replay_unique_id", "replay_buffer_idx", "priority", "IS", "use", "staleness"}


class Writer:
    def __init__(self) -> None:
        self.scalars: dict[str, list[tuple[float, int]]] = {}

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.scalars.setdefault(tag, []).append((value, step))


def made(capacity: int = 8, clock: Any = None, **cfg: Any) -> AdvancedReplayBuffer:
    cfg = {"replay_buffer_size": capacity, "seed": 0, **cfg}
    return AdvancedReplayBuffer(cfg, None, "experiment", "mine", clock=clock or ManualClock())


def feedback(batch: Any, priorities: Any) -> dict[str, Any]:
    keys = ("replay_unique_id", "replay_buffer_idx")
    return {**{key: [data[key] for data in batch] for key in keys}, "priority": priorities}


def held(buffer: AdvancedReplayBuffer) -> list[int]:
    return [item.data["n"] for item in buffer.buffer]


def priorities(buffer: AdvancedReplayBuffer) -> list[float]:
    return [item.meta["priority"] for item in buffer.buffer]


# What comes out.


def test_a_sampled_dict_is_a_copy_with_six_keys_more() -> None:
    buffer = made()
    pushed = {"n": 3, "collect_iter": 5}
    buffer.push([pushed], 0)
    (data,) = buffer.sample(1, 7) or []

    assert {"n", "collect_iter"} == set(pushed)
    assert {"n", "collect_iter", *ADDED} == set(data)
    assert ("mine_0", 0, 1.0, 1.0, 1, 2) == tuple(
        data[key] for key in ("replay_unique_id", "replay_buffer_idx", "priority", "IS", "use", "staleness")
    )
    assert float is type(data["IS"])


def test_keys_that_a_batch_adds_are_not_there_for_the_next() -> None:
    buffer = made()
    buffer.push([{"n": 0}], 0)
    for data in buffer.sample(1, 0) or ():
        data["weight"] = data.pop("IS")
    (data,) = buffer.sample(1, 0) or []

    assert {"n", *ADDED} == set(data)
    assert 2 == data["use"]


def test_an_item_drawn_again_is_a_copy_of_its_own() -> None:
    buffer = made()
    buffer.push([{"obs": np.zeros(1), "priority": 1e9}, {"obs": np.zeros(1), "priority": 0}], 0)
    first, second = buffer.sample(2, 0) or []
    first["obs"][:] = 1

    assert 0.0 == float(second["obs"][0])
    assert first["replay_unique_id"] == second["replay_unique_id"]


def test_unique_ids_number_the_pushes_and_go_on_after_clear() -> None:
    buffer = made(2)
    buffer.push([{"n": number} for number in range(3)], 0)
    buffer.clear()
    buffer.push([{"n": 3}], 0)
    (data,) = buffer.sample(1, 0) or []

    assert ("mine_3", 4) == (data["replay_unique_id"], buffer.push_count)


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


def test_what_is_no_dict_is_logged_counted_and_left_out(caplog) -> None:
    buffer = made()
    buffer.push([{"n": 0}, 1, None, {"n": 2}], 0)
    buffer.push("x", 0)

    assert [0, 2] == held(buffer)
    assert (3, 2) == (buffer.stats()["rejected"], buffer.push_count)
    assert "mine: 2 of 4 items are no dicts and are not taken." in caplog.text


# Draws.


def test_items_are_drawn_in_proportion_to_their_priority_to_the_power_of_alpha() -> None:
    weights = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 3.0, 0.1, 1.5])
    buffer = made(alpha=0.7)
    buffer.push([{"n": n, "priority": weight} for n, weight in enumerate(weights)], 0)
    counts: Counter[int] = Counter()
    for _ in range(10_000):
        counts.update(data["n"] for data in buffer.sample(5, 0) or ())
    drawn = [counts[n] for n in range(8)]

    def expected(alpha: float) -> Any:
        masses = (weights + 1e-5) ** alpha
        return 50_000 * masses / masses.sum()

    assert surprise(drawn, expected(0.7)) < 4
    assert surprise(drawn, expected(0.6)) > 4


def test_a_new_priority_changes_the_draws() -> None:
    buffer = made(4, alpha=1.0)
    buffer.push([{"n": n} for n in range(4)], 0)
    batch = buffer.sample(4, 0) or []
    buffer.update(feedback(batch, [float(data["n"]) * 2 for data in batch]))
    counts: Counter[int] = Counter()
    for _ in range(12_500):
        counts.update(data["n"] for data in buffer.sample(4, 0) or ())

    expected = 50_000 * np.array([2.0, 4.0, 6.0]) / 12
    assert surprise([counts[n] for n in (1, 2, 3)], expected * (50_000 - counts[0]) / 50_000) < 4
    assert counts[0] < 10


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


@pytest.mark.parametrize(
    ("part", "items"),
    [
        (slice(None, 5), {4, 5, 6, 7, 8}),
        (slice(0, 2), {4, 5}),
        (slice(-3, None), {9, 10, 11}),
        (slice(2, 4), {6, 7}),
        (slice(None, None, 3), {4, 7, 10}),
        (None, set(range(4, 12))),
    ],
)
def test_a_range_counts_from_the_oldest_or_back_from_the_newest(part, items) -> None:
    buffer = made(8)
    buffer.push([{"n": n, "priority": 1 + n % 3} for n in range(12)], 0)

    assert items == {data["n"] for _ in range(60) for data in buffer.sample(8, 0, part) or ()}


def test_a_range_with_nothing_in_it_is_a_shortage() -> None:
    buffer = made()
    buffer.push([{"n": 0}], 0)

    assert buffer.sample(1, 0, slice(5, None)) is None


# Limits.


def test_an_item_is_gone_after_so_many_draws_and_the_last_batch_still_has_it() -> None:
    buffer = made(max_use=2)
    buffer.push([{"n": 0}], 0)

    assert [1, 2] == [data["use"] for _ in range(2) for data in buffer.sample(1, 0) or ()]
    assert 0 == buffer.count()
    assert buffer.sample(1, 0) is None


def test_stale_items_are_gone_before_the_draw_and_those_without_an_age_stay() -> None:
    buffer = made(max_staleness=3)
    buffer.push([{"n": n, "collect_iter": n} for n in range(5)] + [{"n": 9}], 0)
    buffer.push([{"n": 10, "collect_iter": [4, 1]}], 0)
    seen = {data["n"]: data["staleness"] for _ in range(30) for data in buffer.sample(3, 4) or ()}

    assert {2: 2, 3: 1, 4: 0, 9: -1} == seen
    assert [2, 3, 4, 9] == held(buffer)


def test_a_sample_waits_for_enough_items_and_counts_after_stale_ones_went() -> None:
    buffer = made(thruput_controller={"sample_min_limit_ratio": 2}, max_staleness=5)
    buffer.push([{"n": n, "collect_iter": n} for n in range(4)], 0)

    assert buffer.sample(3, 0) is None
    assert 2 == len(buffer.sample(2, 0) or [])
    assert buffer.sample(2, 5) is None
    assert [1, 2, 3] == held(buffer)


def test_pushes_that_run_ahead_of_samples_are_refused_and_counted(caplog) -> None:
    clock = ManualClock()
    limit = {"push_sample_rate_limit": {"max": 2}, "window_seconds": 30}
    buffer = made(100, clock, thruput_controller=limit)
    buffer.push([{"n": n} for n in range(4)], 0)
    buffer.sample(4, 0)
    with caplog.at_level(logging.INFO, "ding_buffer"):
        buffer.push([{"n": n} for n in range(5)], 0)

    assert (4, 5) == (buffer.count(), buffer.stats()["refused_pushes"])
    assert "mine: 5 items not taken. " in caplog.text
    buffer.push([{"n": n} for n in range(4)], 0)
    assert 8 == buffer.count()
    buffer.push([{"n": 9}], 0)
    assert 8 == buffer.count()
    clock.advance(300)
    buffer.push([{"n": 9}], 0)
    assert 9 == buffer.count()


def test_what_is_no_dict_does_not_count_against_the_limit() -> None:
    buffer = made(100, thruput_controller={"push_sample_rate_limit": {"max": 2}})
    buffer.push([{"n": n} for n in range(4)], 0)
    buffer.sample(4, 0)
    buffer.push([{"n": 4}, None, 3, "four", (5,), {"n": 5}, {"n": 6}, {"n": 7}], 0)
    buffer.push([{"n": 8}, None], 0)

    stats = buffer.stats()
    assert (8, 5, 1) == (buffer.count(), stats["rejected"], stats["refused_pushes"])


def test_samples_that_run_ahead_of_pushes_are_refused() -> None:
    buffer = made(100, thruput_controller={"push_sample_rate_limit": {"min": 1}})
    buffer.push([{"n": n} for n in range(4)], 0)

    assert 3 == len(buffer.sample(3, 0) or [])
    assert buffer.sample(2, 0) is None
    assert 2 == buffer.stats()["refused_samples"]
    assert 1 == len(buffer.sample(1, 0) or [])
    buffer.push([{"n": 4}], 0)
    assert 1 == len(buffer.sample(1, 0) or [])


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


# Reports and state.


def test_what_is_drawn_is_reported_every_so_many_samples() -> None:
    writer = Writer()
    cfg = {"monitor": {"sampled_data_attr": {"print_freq": 3}}, "seed": 0}
    buffer = AdvancedReplayBuffer(cfg, writer, instance_name="mine", clock=ManualClock())
    buffer.push([{"n": 0, "priority": 2, "collect_iter": 1}], 40)
    for iteration in range(1, 7):
        buffer.sample(1, iteration)
    reported = {tag: values for tag, values in writer.scalars.items() if "_sec/" not in tag}

    names = {"use", "priority", "staleness"}
    assert {
        f"mine_{unit}/{name}_{kind}" for unit in ("iter", "step") for name in names for kind in ("avg", "max")
    } | {f"mine_{unit}/{name}" for unit in ("iter", "step") for name in ("priority_min", "beta")} == set(
        reported
    )
    assert [(2.0, 3), (4.0, 6)] == reported["mine_iter/use_avg"]
    assert [(2.0, 40), (2.0, 40)] == reported["mine_step/priority_min"]
    assert [2, 5] == [value for value, _ in reported["mine_iter/staleness_max"]]


def test_a_state_brings_priorities_uses_and_beta_back() -> None:
    buffer = made(4, max_use=3, beta=0.4, anneal_step=10)
    buffer.push([{"n": n, "priority": n} for n in range(4)], 0)
    batch = buffer.sample(4, 0) or []
    buffer.update(feedback(batch, [9] * 4))
    copy = made(4, max_use=3, beta=0.4, anneal_step=10, seed=5)
    copy.load_state_dict(buffer.state_dict())
    one, other = (each.sample(3, 0) or [] for each in (buffer, copy))

    assert one == other
    assert (held(buffer), buffer.beta, buffer.push_count) == (held(copy), copy.beta, copy.push_count)
    buffer.push({"n": 7}, 0)
    copy.push({"n": 7}, 0)
    assert priorities(buffer) == priorities(copy)


def test_it_tells_alpha_and_beta() -> None:
    buffer = made(alpha=0.25, beta=0.75)

    assert (0.25, 0.75) == (buffer.alpha, buffer.beta)

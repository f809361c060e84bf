"""What a prioritised worker buffer gives, limits, reports and saves; priorities: see the other file."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.replay.advanced_buffer import AdvancedReplayBuffer
from ding_buffer.structures.clock import ManualClock
from tests.replay.advanced import feedback, made, priorities
from tests.replay.faces import held

ADDED = {"replay_unique_id", "replay_buffer_idx", "priority", "IS", "use", "staleness"}


class Writer:
    def __init__(self) -> None:
        self.scalars: dict[str, list[tuple[float, int]]] = {}

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.scalars.setdefault(tag, []).append((value, step))


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


def test_what_is_no_dict_is_logged_counted_and_left_out(caplog) -> None:
    buffer = made()
    buffer.push([{"n": 0}, 1, None, {"n": 2}], 0)
    buffer.push("x", 0)

    assert [0, 2] == held(buffer)
    assert (3, 2) == (buffer.stats()["rejected"], buffer.push_count)
    assert "mine: 2 of 4 items are no dicts and are not taken." in caplog.text


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


def test_what_a_state_brings_is_not_refused_for_running_ahead() -> None:
    buffer = made(100, thruput_controller={"push_sample_rate_limit": {"max": 1}})
    buffer.push([{"n": n} for n in range(4)], 0)
    buffer.sample(4, 0)
    buffer.load_state_dict({"data": [{"n": n} for n in range(4, 20)]})
    buffer.push({"n": 20}, 0)

    assert list(range(20)) == held(buffer)
    assert 1 == buffer.stats()["refused_pushes"]


def test_samples_that_run_ahead_of_pushes_are_refused() -> None:
    buffer = made(100, thruput_controller={"push_sample_rate_limit": {"min": 1}})
    buffer.push([{"n": n} for n in range(4)], 0)

    assert 3 == len(buffer.sample(3, 0) or [])
    assert buffer.sample(2, 0) is None
    assert 2 == buffer.stats()["refused_samples"]
    assert 1 == len(buffer.sample(1, 0) or [])
    buffer.push([{"n": 4}], 0)
    assert 1 == len(buffer.sample(1, 0) or [])


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


@pytest.mark.parametrize("step", ["40", math.nan, math.inf, [40], True])
def test_a_step_that_is_no_number_is_told_before_anything_is_stored_or_drawn(step: Any) -> None:
    buffer = made(max_use=1, monitor={"sampled_data_attr": {"print_freq": 1}})
    with pytest.raises(BadArgument, match="cur_collector_envstep must be a finite number"):
        buffer.push([{"n": 0}], step)
    buffer.push([{"n": 1}], 0)
    for train_iter in (step, None):
        with pytest.raises(BadArgument, match="cur_learner_iter must be a finite number"):
            buffer.sample(1, train_iter)  # type: ignore[arg-type]

    assert [1] == [data["n"] for data in buffer.sample(1, 0) or ()]


def test_by_an_env_step_that_is_not_known_nothing_is_reported() -> None:
    writer = Writer()
    cfg = {"monitor": {"sampled_data_attr": {"print_freq": 1}}}
    buffer = AdvancedReplayBuffer(cfg, writer, instance_name="mine", clock=ManualClock())
    buffer.push([{"n": 0}], None)
    buffer.sample(1, 3)

    assert {"mine_iter"} == {tag.partition("/")[0] for tag in writer.scalars}


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

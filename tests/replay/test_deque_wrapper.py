from __future__ import annotations

import logging
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument, BadPriority, ConfigError
from ding_buffer.replay.deque_wrapper import DequeBufferWrapper
from ding_buffer.testing.distribution import surprise


class Writer:
    def __init__(self) -> None:
        self.scalars: dict[str, list[tuple[float, int]]] = {}

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.scalars.setdefault(tag, []).append((value, step))


def made(count: int = 0, writer: Any = None, **cfg: Any) -> DequeBufferWrapper:
    buffer = DequeBufferWrapper({"seed": 0, **cfg}, writer, instance_name="mine")
    buffer.push([{"n": number} for number in range(count)], 0)
    return buffer


def priorities(buffer: DequeBufferWrapper) -> list[float]:
    return [item.meta["priority"] for item in buffer.buffer]


def test_payloads_come_out_as_they_went_in() -> None:
    assert [{"n": n} for n in range(4)] == sorted(made(4).sample(4) or [], key=lambda data: data["n"])


def test_any_payload_serves_without_priorities() -> None:
    buffer = made()
    buffer.push(["one"])
    buffer.push("two")

    assert {"one", "two"} == set(buffer.sample(2, 5) or [])


@pytest.mark.parametrize("priority", [False, True])
def test_a_shortage_is_none(priority: bool) -> None:
    buffer = made(3, priority=priority)

    assert buffer.sample(4) is None
    assert made(priority=priority).sample(1) is None


def test_a_priority_is_moved_out_of_what_is_stored_and_stays_in_what_was_pushed() -> None:
    buffer = made(priority=True)
    pushed = {"n": 0, "priority": 3}
    buffer.push([pushed, {"n": 1}])

    assert {"n": 0, "priority": 3} == pushed
    assert [{"n": 0}, {"n": 1}] == [item.data for item in buffer.buffer]
    assert [3.0, 3.0] == priorities(buffer)


def test_without_priorities_a_key_of_that_name_is_the_users() -> None:
    buffer = made()
    buffer.push([{"priority": 3}])

    assert [{"priority": 3}] == buffer.sample(1)


def test_weights_come_in_the_payload_and_not_in_what_is_stored() -> None:
    buffer = made(
        priority=True, priority_IS_weight=True, priority_power_factor=1.0, IS_weight_power_factor=0.5
    )
    buffer.push([{"n": 0, "priority": 1}, {"n": 1, "priority": 4}])
    found = {data["n"]: data["IS"] for _ in range(20) for data in buffer.sample(2) or ()}

    assert {0: 1.0, 1: pytest.approx(0.5, abs=1e-3)} == found
    assert [{"n": 0}, {"n": 1}] == [item.data for item in buffer.buffer]
    assert 0.5 < buffer.beta < 0.51


def test_without_weights_there_is_no_such_key() -> None:
    buffer = made(2, priority=True)

    assert {"n"} == set((buffer.sample(1) or [{}])[0])
    assert 0.0 == made().beta


def test_weights_without_priorities_are_refused() -> None:
    with pytest.raises(ConfigError, match="priority_IS_weight: there are no weights without priorities"):
        made(priority_IS_weight=True)


def test_an_item_is_gone_after_so_many_draws() -> None:
    buffer = made(3, max_use=2, priority=True)
    for _ in range(20):
        buffer.sample(1)

    assert 0 == buffer.count()


def test_an_update_means_the_last_batch_once() -> None:
    buffer = made(4, priority=True)
    buffer.update({"priority": [9]})
    batch = buffer.sample(4) or []
    given = [float(data["n"]) for data in batch]
    buffer.update({"priority": given})
    buffer.update({"priority": [50.0] * 4})

    assert [float(data["n"]) for data in batch] == given
    assert {priorities(buffer)[data["n"]] for data in batch} == set(given)


def test_priorities_are_limited_and_bad_ones_told() -> None:
    buffer = made(1, priority=True, priority_max_limit=10)
    buffer.sample(1)
    buffer.update({"priority": np.array([1e6])})
    assert [10.0] == priorities(buffer)
    buffer.sample(1)
    for wrong in (math.nan, -1.0, "3", 1j, [3.0], np.array([1.0, 2.0])):
        with pytest.raises(BadPriority):
            buffer.update({"priority": [wrong]})
    assert [10.0] == priorities(buffer)
    buffer.update({"priority": [2]})
    assert [2.0] == priorities(buffer)


def test_a_number_of_priorities_that_is_not_that_of_the_batch_is_told_and_can_be_mended() -> None:
    buffer = made(2, priority=True)
    buffer.sample(2)
    with pytest.raises(BadArgument, match="update\\(\\) got 1 priorities for 2 items"):
        buffer.update({"priority": [4.0]})
    buffer.update({"priority": [4.0, 4.0]})

    assert 4.0 in priorities(buffer)


def test_an_entry_without_a_priority_is_passed_over() -> None:
    buffer = made(2, priority=True)
    buffer.sample(2)
    buffer.update({"priority": [None, None]})
    assert [1.0, 1.0] == priorities(buffer)
    batch = buffer.sample(2) or []
    buffer.update({"priority": [None, 5.0]})

    assert 5.0 == priorities(buffer)[batch[1]["n"]]


def test_priorities_come_in_a_list_or_whatever_can_be_gone_through() -> None:
    buffer = made(1, priority=True)
    buffer.sample(1)
    with pytest.raises(BadArgument, match=r"update\(\) takes a list of priorities, also of one"):
        buffer.update({"priority": 3.0})
    buffer.update({"priority": iter([3.0])})

    assert [3.0] == priorities(buffer)


def test_a_batch_is_no_update_and_a_size_is_an_int() -> None:
    buffer = DequeBufferWrapper({"priority": True})
    buffer.push([{"n": 0}])

    with pytest.raises(BadArgument, match=r"update\(\) takes a dict of lists, such as priority, got list"):
        buffer.update(buffer.sample(1))  # type: ignore[arg-type]
    with pytest.raises(BadArgument, match="size must be an int, got '2'"):
        buffer.sample("2")  # type: ignore[arg-type]


def test_without_priorities_there_is_nothing_to_update() -> None:
    buffer = made(2)
    buffer.sample(2)
    buffer.update({"priority": [1.0, 2.0]})

    assert [{}, {}] == [item.meta for item in buffer.buffer]


def test_after_clear_there_is_no_last_batch() -> None:
    buffer = made(2, priority=True)
    buffer.sample(2)
    buffer.clear()
    buffer.update({"priority": [1.0, 2.0]})

    assert 0 == buffer.stats()["late_updates"]


def test_every_so_many_iterations_the_figures_are_written() -> None:
    writer = Writer()
    buffer = made(4, writer, priority=True, max_use=1000, train_iter_per_log=10)
    for train_iter in range(25):
        buffer.sample(2, train_iter)

    names = ("use_count_avg", "priority_avg", "priority_max", "buffer_data_count")
    assert {f"mine_iter/{name}" for name in names} == set(writer.scalars)
    assert [(4, 0), (4, 10), (4, 20)] == writer.scalars["mine_iter/buffer_data_count"]
    assert [(1.0, step) for step in (0, 10, 20)] == writer.scalars["mine_iter/priority_max"]


@pytest.mark.parametrize("train_iter", [None, "3", math.nan, [3]])
def test_an_iteration_that_is_no_number_is_told_before_anything_is_drawn(train_iter) -> None:
    buffer = made(1, max_use=1)
    with pytest.raises(BadArgument, match="train_iter must be a finite number"):
        buffer.sample(1, train_iter)

    assert [{"n": 0}] == buffer.sample(1, 3)


def test_only_what_there_is_is_written_and_without_a_writer_to_the_log(caplog) -> None:
    writer = Writer()
    made(4, writer).sample(1, 3)
    assert {"mine_iter/buffer_data_count": [(4, 3)]} == writer.scalars
    with caplog.at_level(logging.INFO, "ding_buffer"):
        made(4).sample(1, 3)

    assert "mine at iteration 3: buffer_data_count 4" in caplog.text


def test_items_are_drawn_by_priority() -> None:
    weights = np.array([1.0, 2.0, 4.0, 8.0])
    buffer = made(priority=True, priority_power_factor=1.0)
    buffer.push([{"n": n, "priority": weight} for n, weight in enumerate(weights)])
    counts: Counter[int] = Counter()
    for _ in range(12_500):
        counts.update(data["n"] for data in buffer.sample(4) or ())

    assert surprise([counts[n] for n in range(4)], 50_000 * weights / weights.sum()) < 4

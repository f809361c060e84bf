from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadPriority
from ding_buffer.core.item import BufferedData
from ding_buffer.learners.context import OnlineRLContext
from ding_buffer.learners.priority_return import send_priorities, take_priority
from ding_buffer.storages.column_storage import ColumnStorage


def filled(count: int = 6) -> DequeBuffer:
    buffer = DequeBuffer(size=100)
    buffer.extend(range(count), meta=[{"env": place} for place in range(count)])
    return buffer


def priorities(buffer: DequeBuffer) -> list[Any]:
    return [item.meta.get("priority") for item in buffer]


@pytest.mark.parametrize(
    "values",
    [
        [0.1, 0.2, 0.3],
        (0.1, 0.2, 0.3),
        np.array([0.1, 0.2, 0.3]),
        np.array([[0.1], [0.2], [0.3]]),
        [[0.1], [0.2], [0.3]],
    ],
)
def test_each_item_gets_its_own_and_keeps_its_other_meta(values: Any) -> None:
    buffer = filled(3)
    send_priorities(buffer, [buffer[2], buffer[0], buffer[1]], values)

    assert [0.2, 0.3, 0.1] == priorities(buffer)
    assert [0, 1, 2] == [item.meta["env"] for item in buffer]


@pytest.mark.parametrize("make", [lambda t: t, list, lambda t: t.unsqueeze(1)])
def test_tensors_are_taken_with_or_without_a_graph(make: Any) -> None:
    torch = pytest.importorskip("torch")
    buffer = filled(2)
    send_priorities(buffer, list(buffer), make(torch.tensor([0.5, 0.25], requires_grad=True)))

    assert [0.5, 0.25] == priorities(buffer)


def test_one_batch_is_one_update() -> None:
    calls: list[str] = []

    def noting(action: str, chain: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(action)
        return chain(*args, **kwargs)

    buffer = filled().use(noting)
    send_priorities(buffer, list(buffer), np.ones(6))

    assert ["update"] == calls


def test_a_group_shares_one_priority_or_has_one_per_item() -> None:
    buffer = filled(4)
    groups = [[buffer[0], buffer[1]], [buffer[2], buffer[3]]]
    send_priorities(buffer, groups, [0.5, 0.25])
    assert [0.5, 0.5, 0.25, 0.25] == priorities(buffer)

    send_priorities(buffer, groups, np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert [1.0, 2.0, 3.0, 4.0] == priorities(buffer)


def test_groups_may_differ_in_length() -> None:
    buffer = filled(3)
    groups = [[buffer[0], buffer[1]], [buffer[2]]]
    send_priorities(buffer, groups, [[1.0, 2.0], [3.0]])
    assert [1.0, 2.0, 3.0] == priorities(buffer)

    send_priorities(buffer, groups, [[4.0], np.array([5.0])])
    assert [4.0, 4.0, 5.0] == priorities(buffer)


def test_fillers_of_padding_are_left_out() -> None:
    buffer = filled(3)
    filler: Any = BufferedData(None, None, None)  # type: ignore[arg-type]
    send_priorities(buffer, [[buffer[0], buffer[1]], [buffer[2], filler]], [[1.0, 2.0], [3.0, 9.0]])

    assert [1.0, 2.0, 3.0] == priorities(buffer)


def test_an_item_that_is_gone_is_passed_over() -> None:
    buffer = filled(2)
    drawn = list(buffer)
    buffer.delete(drawn[0].index)
    send_priorities(buffer, drawn, [0.5, 0.25])

    assert [0.25] == priorities(buffer)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0.1], "1 priorities for a batch of 2"),
        (np.ones(3), "3 priorities for a batch of 2"),
        (0.5, "one priority for a whole batch"),
        (np.float32(0.5), "one priority for a whole batch"),
        (["high", "low"], "must be numbers"),
        ([[1.0, 2.0], [3.0, 4.0]], "2 priorities for a group of 1"),
    ],
)
def test_priorities_that_do_not_fit_the_batch_are_refused(values: Any, said: str) -> None:
    buffer = filled(2)
    with pytest.raises(BadPriority, match=said):
        send_priorities(buffer, list(buffer), values)

    assert [None, None] == priorities(buffer)


@pytest.mark.parametrize(
    "output",
    [{"priority": [1]}, [{"priority": [0]}, {"priority": [1]}], deque([{"priority": [1]}])],
)
def test_the_priority_is_that_of_the_last_output(output: Any) -> None:
    assert [1] == take_priority(OnlineRLContext(train_output=output))


@pytest.mark.parametrize("output", [None, {}, [], {"total_loss": 1.0}, [{"total_loss": 1.0}], 3.0])
def test_an_output_without_priorities_gives_none(output: Any) -> None:
    assert take_priority(OnlineRLContext(train_output=output)) is None


def on_columns(count: int = 6) -> DequeBuffer:
    buffer = DequeBuffer(size=100, storage=ColumnStorage(), seed=0)
    buffer.extend(np.arange(count), meta={"env": np.arange(count) // 2})
    return buffer


@pytest.mark.parametrize(
    "make",
    [list, tuple, np.array, lambda values: np.array(values)[:, None], lambda values: [[v] for v in values]],
)
def test_each_item_of_columns_gets_its_own(make: Any) -> None:
    buffer = on_columns(3)
    batch = buffer.sample(3)
    send_priorities(buffer, batch, make([0.1, 0.2, 0.3]))

    given = dict(zip(batch.data.tolist(), [0.1, 0.2, 0.3], strict=True))
    assert [given[number] for number in range(3)] == priorities(buffer)
    assert [0, 0, 1] == [item.meta["env"] for item in buffer]


@pytest.mark.parametrize("shares", [True, False])
def test_groups_of_columns_share_one_priority_or_have_one_per_item(shares: bool) -> None:
    buffer = on_columns(6)
    batch = buffer.sample(3, groupby="env", unroll_len=2)
    values = np.array([1.0, 2.0, 3.0]) if shares else np.arange(6.0).reshape(3, 2)
    send_priorities(buffer, batch, values)

    expected = np.repeat(values, 2) if shares else values.reshape(-1)
    assert dict(zip(batch.data.reshape(-1).tolist(), expected.tolist(), strict=True)) == dict(
        enumerate(priorities(buffer))
    )


def test_groups_of_columns_may_differ_in_length() -> None:
    buffer = on_columns(3)
    batch = buffer.sample(2, groupby="env")
    send_priorities(buffer, batch, [[float(group.meta["env"][0])] for group in batch])
    assert [0.0, 0.0, 1.0] == priorities(buffer)

    send_priorities(buffer, batch, [group.data.tolist() for group in batch])
    assert [0.0, 1.0, 2.0] == priorities(buffer)


def test_fillers_in_columns_are_left_out() -> None:
    buffer = on_columns(3)
    batch = buffer.sample(3).pick(np.arange(3), mask=np.array([True, False, True]))
    send_priorities(buffer, batch, [1.0, 2.0, 3.0])
    assert {1.0, None, 3.0} == set(priorities(buffer))

    send_priorities(buffer, batch[1:2], [9.0])
    assert {1.0, None, 3.0} == set(priorities(buffer))


def test_what_is_gone_from_columns_is_passed_over() -> None:
    buffer = on_columns(3)
    batch = buffer.sample(3)
    buffer.delete(batch.index[:1])
    send_priorities(buffer, batch, [0.5, 0.25, 0.125])

    assert {0.25, 0.125} == set(priorities(buffer))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0.1], "1 priorities for a batch of 3"),
        (0.5, "one priority for a whole batch"),
        (["a"] * 3, "must be numbers"),
    ],
)
def test_priorities_that_do_not_fit_columns_are_refused(values: Any, said: str) -> None:
    buffer = on_columns(3)
    with pytest.raises(BadPriority, match=said):
        send_priorities(buffer, buffer.sample(3), values)

    assert [None] * 3 == priorities(buffer)

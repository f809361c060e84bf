from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.payload_column import PayloadColumn
from ding_buffer.learners.collate import stack_payloads
from tests.core.column_batches import Pair, made


def step(place: int) -> dict[str, Any]:
    return {
        "obs": np.full((3,), place, dtype=np.float32),
        "action": place,
        "reward": float(place),
        "done": place == 1,
        "info": {"big": np.zeros((2, 2))},
    }


def test_arrays_and_numbers_become_arrays_with_a_batch_dimension() -> None:
    batch = stack_payloads([step(0), step(1)], tensors=False)

    shapes = {"obs": (2, 3), "action": (2,), "reward": (2,), "done": (2,)}
    assert shapes == {name: batch[name].shape for name in shapes}
    assert (np.float32, np.int64, np.float32, np.bool_) == tuple(batch[name].dtype.type for name in shapes)
    assert (2, 2, 2) == batch["info"]["big"].shape
    assert [0.0, 1.0] == batch["reward"].tolist()


def test_everything_becomes_tensors_on_request() -> None:
    torch = pytest.importorskip("torch")
    batch = stack_payloads([step(0), {**step(1), "reward": 1.0}], tensors=True, device="cpu")

    expected = {"obs": torch.float32, "action": torch.int64, "reward": torch.float32, "done": torch.bool}
    assert expected == {name: batch[name].dtype for name in expected}
    assert torch.float32 == batch["info"]["big"].dtype


def test_by_default_tensors_stay_tensors_and_arrays_arrays() -> None:
    torch = pytest.importorskip("torch")
    batch = stack_payloads([{"a": torch.zeros(2, dtype=torch.float64), "b": np.zeros(2)}] * 3)

    assert (3, 2) == tuple(batch["a"].shape)
    assert torch.float64 == batch["a"].dtype
    assert isinstance(batch["b"], np.ndarray)
    assert isinstance(stack_payloads([{"a": torch.zeros(2)}], tensors=False)["a"], np.ndarray)


def test_windows_give_batch_and_time() -> None:
    batch = stack_payloads([[step(0), step(1)], [step(2), step(3)], [step(4), step(5)]], tensors=False)

    assert (3, 2, 3) == batch["obs"].shape
    assert [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]] == batch["reward"].tolist()


def test_bare_payloads_are_stacked_as_they_are() -> None:
    assert [[1.0, 2.0], [3.0, 4.0]] == stack_payloads([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist()


def test_the_batch_is_a_copy() -> None:
    stored = step(0)
    stack_payloads([stored], tensors=False)["obs"][:] = 9

    assert [0.0, 0.0, 0.0] == stored["obs"].tolist()


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ([], "no payloads"),
        ([{"a": {"b": np.zeros(2)}}, {"a": {"b": np.zeros(3)}}], "at 'a.b'"),
        ([{"a": 1}, {"b": 1}], r"payload 1 differs from payload 0 in its fields: expected \['a'\]"),
        ([{"a": 1}, 3], "payload 1 differs"),
        ([{"a": object()}], "object at 'a', which cannot be stacked"),
        ([[{"a": 1}], [{"a": 1}, {"a": 2}]], "do not fit together at 'a'"),
    ],
)
def test_what_does_not_fit_together_is_named(batch: Any, said: str) -> None:
    with pytest.raises(BadArgument, match=said):
        stack_payloads(batch)


def test_tensors_that_do_not_fit_together_are_named() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(BadArgument, match="at 'a'"):
        stack_payloads([{"a": torch.zeros(2)}, {"a": torch.zeros(3)}])


def columns(lengths: Any = None) -> PayloadColumn:
    numbers = np.arange(6)
    data = {
        "obs": np.ones((6, 3), np.float32),
        "n": numbers,
        "half": numbers / 2,
        "in": Pair(numbers, [numbers]),
    }
    batch = made(6, data)
    return PayloadColumn(batch if lengths is None else batch.grouped(lengths))


def test_columns_are_stacked_already() -> None:
    column = columns()

    stacked = stack_payloads(column)
    assert stacked["obs"] is column.columns["obs"]
    assert stacked["in"].right[0] is column.columns["in"].right[0]
    assert (6, 3) == stack_payloads(column, tensors=False)["obs"].shape


def test_columns_become_tensors_that_share_their_memory() -> None:
    torch = pytest.importorskip("torch")
    column = columns()
    stacked = stack_payloads(column, tensors=True, device="cpu")
    stacked["obs"][0, 0] = 7

    assert (torch.float32, torch.int64) == (stacked["obs"].dtype, stacked["n"].dtype)
    assert torch.float32 == stacked["half"].dtype
    assert 7 == column.columns["obs"][0, 0]


def test_columns_of_tensors_become_what_is_asked_for() -> None:
    torch = pytest.importorskip("torch")
    column = PayloadColumn(made(2, {"a": torch.zeros(2, 3, dtype=torch.float64), "b": np.zeros(2)}))

    by_default = stack_payloads(column)
    assert (torch.float64, np.ndarray) == (by_default["a"].dtype, type(by_default["b"]))
    assert isinstance(stack_payloads(column, tensors=False)["a"], np.ndarray)
    assert torch.float32 == stack_payloads(column, tensors=True)["a"].dtype


def test_windows_of_columns_give_batch_and_time() -> None:
    assert (2, 3, 3) == stack_payloads(columns([3, 3]))["obs"].shape
    assert [[0, 1], [2, 3], [4, 5]] == stack_payloads(columns([2, 2, 2]))["n"].tolist()


def test_windows_of_several_buffers_are_stacked_together() -> None:
    numbers = np.arange(6)
    windows = PayloadColumn(made(6, {"obs": np.ones((6, 3)), "n": numbers}).grouped([2, 2, 2]))
    objects = [{"obs": np.zeros(3), "n": number} for number in (7, 8)]

    stacked = stack_payloads([*windows[1:], objects])
    assert [[2, 3], [4, 5], [7, 8]] == stacked["n"].tolist()
    assert (3, 2, 3) == stacked["obs"].shape


def test_windows_of_several_lengths_do_not_fit_together() -> None:
    with pytest.raises(BadArgument, match="windows of 2 to 4 payloads do not fit together"):
        stack_payloads(columns([2, 4]))


@pytest.mark.parametrize("tensors", [None, True, False])
@pytest.mark.parametrize("name", ["tokens", "name"])
def test_columns_of_objects_or_of_varying_lengths_cannot_be_stacked(name: str, tensors: bool | None) -> None:
    column = PayloadColumn(made(2, {name: made(2).data[name]}))

    with pytest.raises(BadArgument, match="a column of objects or of varying lengths cannot be stacked"):
        stack_payloads(column, tensors=tensors)


def test_no_columns_cannot_be_stacked() -> None:
    with pytest.raises(BadArgument, match="no payloads"):
        stack_payloads(PayloadColumn(made(0)))

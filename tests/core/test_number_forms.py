from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.number_forms import (
    column_in_form_of,
    float_column,
    in_form_of,
    number_column,
    numbers_of,
)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2.5, True], [1.0, 2.5, 1.0]),
        ([np.float32(1), np.int8(-2)], [1.0, -2.0]),
        ([np.array([1, 2]), [3, 4]], [[1.0, 2.0], [3.0, 4.0]]),
        ([], []),
    ],
)
def test_numbers_of_any_form_become_float64(values: Any, expected: Any) -> None:
    numbers = numbers_of(values, "reward")

    assert np.float64 == numbers.dtype
    assert expected == numbers.tolist()


@pytest.mark.parametrize(
    "kinds", [("float32",), ("bfloat16", "bfloat16"), ("float32", "int64"), ("float32", None)]
)
def test_tensors_become_float64_also_beside_others(kinds: Any) -> None:
    torch = pytest.importorskip("torch")
    values = [2.0 if kind is None else torch.tensor(2, dtype=getattr(torch, kind)) for kind in kinds]

    assert [2.0] * len(kinds) == numbers_of(values, "reward").tolist()


def test_a_tensor_that_needs_a_gradient_gives_its_value() -> None:
    torch = pytest.importorskip("torch")

    assert [1.5] == float_column(torch.tensor([1.5], requires_grad=True)).tolist()


@pytest.mark.parametrize("values", [["much"], [None], [1.0, None], [[1, 2], [3]], [{}]])
def test_what_is_no_number_is_refused_by_name(values: Any) -> None:
    with pytest.raises(BadArgument, match="'reward'"):
        numbers_of(values, "reward")


@pytest.mark.parametrize(
    ("value", "kind", "dtype"),
    [
        (1, float, None),
        (1.0, float, None),
        (np.float32(1), np.float32, np.float32),
        (np.int64(1), np.float64, np.float64),
        (np.float16(1), np.float16, np.float16),
        (np.array(1.0, np.float32), np.ndarray, np.float32),
    ],
)
def test_single_numbers_come_back_in_the_form_of_another(value: Any, kind: type, dtype: Any) -> None:
    for values in ([value, value], [value]):
        made = in_form_of(values, np.full(len(values), 0.5))
        assert [kind] * len(values) == [type(one) for one in made]
        assert [0.5] * len(values) == [float(one) for one in made]
        assert dtype is None or {np.dtype(dtype)} == {one.dtype for one in made}


def test_columns_of_objects_are_numbers_where_each_is_one() -> None:
    column = np.empty((1, 2), dtype=object)
    column[0, 0], column[0, 1] = np.float32(0.5), 2

    assert [[0.5, 2.0]] == number_column(column, "reward").tolist()


@pytest.mark.parametrize("values", [["much", 1.0], [None, 1.0]])
@pytest.mark.parametrize("kind", [object, None])
def test_columns_that_are_no_numbers_are_named(values: list[Any], kind: Any) -> None:
    with pytest.raises(BadArgument, match="the values of 'reward' are not numbers"):
        number_column(np.array(values, dtype=kind), "reward")


def test_each_comes_back_in_its_own_form() -> None:
    made = in_form_of([1, np.float32(1), np.array(1)], np.array([1.0, 2.0, 3.0]))

    assert [float, np.float32, np.ndarray] == [type(one) for one in made]
    assert [1.0, 2.0, 3.0] == [float(one) for one in made]


def test_arrays_come_back_as_arrays() -> None:
    made = in_form_of([np.zeros(2, np.float32)] * 2, np.array([[1.0, 2.0], [3.0, 4.0]]))

    assert [[1.0, 2.0], [3.0, 4.0]] == [one.tolist() for one in made]
    assert np.float32 == made[0].dtype


def test_lists_come_back_as_arrays() -> None:
    assert [[1.0, 2.0]] == [one.tolist() for one in in_form_of([[0, 0]], np.array([[1.0, 2.0]]))]


def test_nothing_comes_back_as_nothing() -> None:
    assert [] == in_form_of([], np.empty(0))


@pytest.mark.parametrize(("dtype", "made"), [("float16", "float16"), ("int32", "float32")])
def test_tensors_come_back_as_tensors(dtype: str, made: str) -> None:
    torch = pytest.importorskip("torch")
    form = torch.zeros(1, dtype=getattr(torch, dtype))

    assert getattr(torch, made) == column_in_form_of(form, np.array([0.5])).dtype
    assert [[0.5], [1.5]] == [one.tolist() for one in in_form_of([form, form], np.array([[0.5], [1.5]]))]

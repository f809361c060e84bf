"""Numbers of payloads as one float64 array, and back in the form they had."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from ding_buffer.core.copies import is_tensor
from ding_buffer.core.errors import BadArgument

_PYTHON = frozenset({bool, int, float})


def numbers_of(values: Sequence[Any], name: str) -> np.ndarray:
    """Returns numbers, arrays or tensors of one shape as float64, (len(values), *shape).

    Raises ``BadArgument`` naming the field ``name`` where they are no numbers or differ in shape.
    """
    if _PYTHON.issuperset(map(type, values)):
        return np.array(values, dtype=np.float64)
    if type(None) in set(map(type, values)):
        raise BadArgument(f"the values of {name!r} are not numbers: there is a None among them")
    try:
        if all(map(is_tensor, values)) and len(values):
            stacked = sys.modules["torch"].stack(list(values))
            return float_column(stacked)
        rows = [
            float_column(value) if is_tensor(value) else np.asarray(value, np.float64) for value in values
        ]
        return np.array(rows, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadArgument(f"the values of {name!r} are not numbers of one shape: {error}") from error


def float_column(column: Any) -> np.ndarray:
    """Returns an array or tensor as a float64 array."""
    if is_tensor(column):
        array: np.ndarray = column.detach().double().cpu().numpy()
        return array
    return np.asarray(column, dtype=np.float64)


def number_column(column: Any, name: str) -> np.ndarray:
    """Returns an array or tensor as a float64 array; raises ``BadArgument`` as ``numbers_of`` does."""
    if getattr(column.dtype, "hasobject", False):
        rows = numbers_of(list(column.reshape(-1)), name)
        numbers: np.ndarray = rows.reshape(*column.shape, *rows.shape[1:])
        return numbers
    try:
        return float_column(column)
    except (TypeError, ValueError) as error:
        raise BadArgument(f"the values of {name!r} are not numbers: {error}") from error


def in_form_of(values: Sequence[Any], numbers: np.ndarray) -> list[Any]:
    """Returns each row of ``numbers`` in the form of the value at its place.

    A tensor stays one, with dtype and device, an array and a numpy scalar keep their dtype, if it is a
    floating one; integers become float64 (of tensors: float32). Anything else is a Python float.
    """
    if _PYTHON.issuperset(map(type, values)):
        listed: list[Any] = numbers.tolist()
        return listed
    forms = {(type(value), getattr(value, "dtype", None), getattr(value, "device", None)) for value in values}
    if len(forms) > 1:
        return [in_form_of([value], numbers[row : row + 1])[0] for row, value in enumerate(values)]
    if not values or not hasattr(values[0], "dtype"):
        return numbers.tolist() if numbers.ndim == 1 else list(numbers)
    column = column_in_form_of(values[0], numbers)
    if is_tensor(column):
        return list(column.unbind(0))
    return (
        [column[row, ...] for row in range(len(column))]
        if isinstance(values[0], np.ndarray)
        else list(column)
    )


def column_in_form_of(column: Any, numbers: np.ndarray) -> Any:
    """Returns ``numbers`` with the dtype of ``column``, an array or tensor, as ``in_form_of`` says."""
    if is_tensor(column):
        dtype = column.dtype if column.dtype.is_floating_point else column.float().dtype
        return sys.modules["torch"].from_numpy(np.ascontiguousarray(numbers)).to(column.device, dtype)
    return numbers.astype(column.dtype if column.dtype.kind == "f" else np.float64, copy=False)

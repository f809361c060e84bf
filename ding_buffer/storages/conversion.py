"""Which values a dtype can hold without becoming others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

NUMBERS = "biufc"
"""The kinds of dtypes that are numbers."""


def native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Returns a dtype in native byte order: of numbers the one object that most arrays share."""
    if dtype.kind in NUMBERS:
        return np.dtype(f"{dtype.kind}{dtype.itemsize}")
    return dtype if dtype.isnative else dtype.newbyteorder("=")


def misfits(array: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray | bool:
    """Returns where ``array`` holds what ``dtype`` cannot: a mask, or one answer for the whole array.

    Every number keeps its value, but for the rounding of floats: whole numbers fit where they are in range,
    floats among the integers where they are whole and finite, 0 and 1 among the truth values, and no finite
    number may become infinite. Complex numbers are no real ones, and texts and objects no numbers.
    """
    source = array.dtype
    if source == dtype:
        return False
    if source.kind not in NUMBERS or dtype.kind not in NUMBERS:
        return _misfits_of_other_kinds(array, dtype)
    if np.can_cast(source, dtype, "safe"):
        return False
    if source.kind == "c" and dtype.kind != "c":
        return True
    if dtype.kind == "b":
        return np.asarray((array != 0) & (array != 1))
    if dtype.kind in "iu":
        return _beyond_integers(array, np.iinfo(dtype))
    with np.errstate(over="ignore"):
        converted = array.astype(dtype)
    return np.asarray(~np.isfinite(converted) & np.isfinite(array))


def _misfits_of_other_kinds(array: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray | bool:
    if array.dtype.kind != dtype.kind or dtype.kind == "V":
        return True  # numpy would fill a structure by place, whatever its names
    if dtype.kind in "SU":
        return np.asarray(array.astype(dtype) != array)
    return not np.can_cast(array.dtype, dtype, "safe")


def _beyond_integers(array: np.ndarray, limits: Any) -> np.ndarray:
    if array.dtype.kind == "f":
        # Powers of two are exact in every float; float16 has not all that are needed.
        array = array.astype(np.promote_types(array.dtype, np.float64))
        inside = (array >= float(limits.min)) & (array < float(limits.max + 1))
        return np.asarray(~inside | (np.trunc(array) != array))
    held = np.iinfo(array.dtype)
    outside = np.zeros(array.shape, dtype=bool)
    if held.min < limits.min:
        outside |= array < limits.min
    if held.max > limits.max:
        outside |= array > limits.max
    return outside


def number_fits(number: float, dtype: np.dtype[Any]) -> bool:
    """Tells the same of one Python bool, int or float, of any size."""
    if dtype.kind == "b":
        return number in (0, 1)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return limits.min <= number <= limits.max and (isinstance(number, int) or number.is_integer())
    if dtype.kind not in "fc":
        return False
    try:
        number = float(number)
    except OverflowError:
        return False
    with np.errstate(over="ignore"):
        return not math.isfinite(number) or bool(np.isfinite(dtype.type(number)))


def range_of(dtype: np.dtype[Any]) -> str:
    """Says which values a dtype holds, for messages."""
    if dtype.kind == "b":
        return "holds False and True, or 0 and 1"
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return f"holds whole numbers from {limits.min} to {limits.max}"
    if dtype.kind in "fc":
        numbers = "complex numbers" if dtype.kind == "c" else "numbers"
        return f"holds {numbers} up to {float(np.finfo(dtype).max):.6g}"
    return "holds nothing else"

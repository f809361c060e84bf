"""What the kernels ask of their arguments; says the same as ``arrays.c``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_FLOAT64 = np.dtype(np.float64)
_INT64 = np.dtype(np.int64)


def check_array(array: Array, dtype: type[np.generic], dims: int, name: str, writable: bool = False) -> None:
    """Raises TypeError or ValueError unless this is a dense native array of that type and shape.

    Fewer than 0 ``dims`` are any number of them.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be an array, got {type(array)!r}")
    if array.dtype != dtype:
        raise TypeError(f"{name} must be an array of native {np.dtype(dtype).name}, got {array.dtype!r}")
    if 0 <= dims != array.ndim:
        raise ValueError(f"{name} must have {dims} dimensions, got {array.ndim}")
    check_dense(array, name, writable)


def check_dense(array: Array, name: str, writable: bool = False) -> None:
    """Raises ValueError unless the array is C-contiguous, aligned and, if need be, writable."""
    flags = array.flags
    if not (flags.c_contiguous and flags.aligned):
        raise ValueError(f"{name} must be C-contiguous and aligned")
    if writable and not flags.writeable:
        raise ValueError(f"{name} must be writable")


def integers(numbers: npt.ArrayLike, name: str) -> npt.NDArray[np.int64]:
    """Returns whole numbers as a flat int64 array; TypeError for others, ValueError for another shape."""
    array = np.asarray(numbers)
    if array.dtype is not _INT64:
        if array.dtype.kind not in "iu" and array.size:
            raise TypeError(f"{name} must be whole numbers, got an array of {array.dtype!r}")
        array = array.astype(np.int64)
    if array.ndim != 1:
        raise ValueError(f"{name} must have 1 dimensions, got {array.ndim}")
    return array


def reals(numbers: npt.ArrayLike, name: str) -> npt.NDArray[np.float64]:
    """Returns real numbers as float64; TypeError for others."""
    array = np.asarray(numbers)
    if array.dtype is not _FLOAT64:
        if array.dtype.kind not in "iufb":
            raise TypeError(f"{name} must be real numbers, got an array of {array.dtype!r}")
        array = array.astype(np.float64)
    return array


def number(given: float, name: str) -> float:
    """Returns one real number as a float; TypeError for anything else, the text of a number included."""
    if isinstance(given, (str, bytes, bytearray)):
        raise TypeError(f"{name} must be a real number, got {type(given)!r}")
    return float(given)


def check_slots(slots: npt.NDArray[np.int64], capacity: int) -> None:
    """Raises IndexError unless all slots are in ``range(capacity)``."""
    # Seen as unsigned, a negative slot is a huge one: one pass checks both ends.
    if slots.size and int(np.maximum.reduce(slots.view(np.uint64))) >= capacity:
        wrong = slots[(slots < 0) | (slots >= capacity)]
        raise IndexError(f"slot {int(wrong[0])} is out of range: slots go from 0 to {capacity - 1}")


def keep_apart(written: Array, name: str, other: Array, other_name: str) -> None:
    """Raises ValueError where two dense arrays, one of them to be written, share memory."""
    if np.may_share_memory(written, other):
        raise ValueError(f"{name} and {other_name} must not overlap in memory")

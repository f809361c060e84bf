"""Holds the C kernels against their numpy twin: the same result, or the same kind of refusal."""

from __future__ import annotations

import copy
import warnings

import numpy as np
from hypothesis import strategies as st


class Subclass(np.ndarray):
    """An array by another name."""


def misaligned(array):
    raw = np.zeros(array.nbytes + 1, dtype=np.uint8)
    view = raw[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def with_first(value):
    def spoil(array):
        array = array.copy()
        array.reshape(-1)[:1] = value
        return array

    return spoil


# What may be wrong with an array, or merely odd about it.
SPOILERS = {
    "none": lambda array: None,
    "a number": lambda array: 7,
    "a list": lambda array: array.tolist(),
    "a text": lambda array: "slots",
    "a dict": lambda array: {},
    "complex": lambda array: array.astype(complex),
    "float16": lambda array: array.astype(np.float16),
    "float32": lambda array: array.astype(np.float32),
    "float64": lambda array: array.astype(np.float64),
    "longdouble": lambda array: array.astype(np.longdouble),
    "bool": lambda array: array.astype(np.bool_),
    "int8": lambda array: array.astype(np.int8),
    "int32": lambda array: array.astype(np.int32),
    "int64": lambda array: array.astype(np.int64),
    "longlong": lambda array: array.astype(np.longlong),
    "ulonglong": lambda array: array.astype(np.ulonglong),
    "uint64": lambda array: array.astype(np.uint64),
    "object": lambda array: array.astype(object),
    "texts": lambda array: array.astype("U8"),
    "dates": lambda array: array.astype(np.int64).view("M8[s]"),
    "records": lambda array: np.zeros(array.shape, dtype=[("a", "f4"), ("b", "i4")]),
    "swapped": lambda array: array.astype(array.dtype.newbyteorder()),
    "read-only": read_only,
    "misaligned": misaligned,
    "strided": lambda array: np.repeat(array, 2, axis=0)[::2],
    "backwards": lambda array: array[::-1],
    "Fortran": lambda array: np.asfortranarray(array),
    "subclass": lambda array: array.view(Subclass),
    "one dimension more": lambda array: array[None],
    "one dimension less": lambda array: array[0] if len(array) else array,
    "no dimension": lambda array: np.array(1, dtype=array.dtype),
    "shorter": lambda array: array[:-1].copy(),
    "longer": lambda array: np.concatenate([array, array[-1:]]),
    "one": lambda array: array[:1].copy(),
    "empty": lambda array: array[:0].copy(),
    "empty floats": lambda array: np.zeros(0),
    "nan": lambda array: with_first(np.nan)(array.astype(np.float64)),
    "infinite": lambda array: with_first(np.inf)(array.astype(np.float64)),
    "negative": lambda array: with_first(-1)(array),
    "huge": lambda array: with_first(min(np.iinfo(np.int64).max, 2**62))(array),
    "smallest": lambda array: with_first(np.iinfo(np.int64).min)(array),
}


def spoilers():
    """Says how one array is spoilt."""
    return st.sampled_from(sorted(SPOILERS))


def spoilt(name, array):
    """The array in that state; itself where it cannot be brought into it."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return SPOILERS[name](array)
        except (IndexError, OverflowError, RuntimeError, TypeError, ValueError):
            return array


def outcome(function, *arguments):
    """What a call returns, or the type of what it raises."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            return function(*arguments)
        except (IndexError, MemoryError, OverflowError, TypeError, ValueError) as error:
            return type(error)


def own(argument):
    """A deep copy that keeps what is odd about an array."""
    if isinstance(argument, np.ndarray):
        if not argument.flags.aligned:
            return misaligned(argument)
        twin = copy.deepcopy(argument) if argument.dtype.hasobject else argument.copy()
        if not argument.flags.c_contiguous and argument.ndim == 1:
            twin = np.repeat(argument, 2)[::2]
        twin.flags.writeable = argument.flags.writeable
        return twin
    if isinstance(argument, (list, tuple)):
        return type(argument)(own(part) for part in argument)
    return argument


def same(one, other, tolerance=0.0):
    """Whether two outcomes, or two sets of arguments, are equal, NaN included."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if one.dtype.kind == "f" and tolerance:
            return one.shape == other.shape and np.allclose(
                one, other, rtol=tolerance, atol=0, equal_nan=True
            )
        if one.dtype != other.dtype or one.shape != other.shape:
            return False
        return one.tobytes() == other.tobytes() or np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(same(*pair, tolerance) for pair in zip(one, other, strict=True))
    return type(one) is type(other) and (one == other or one is other)


def agree(c, twin, arguments, tolerance=0.0):
    """Calls both with arguments of their own; AssertionError unless all that came of it is the same."""
    for_c, for_twin = own(arguments), own(arguments)
    of_c, of_twin = outcome(c, *for_c), outcome(twin, *for_twin)
    assert same(of_twin, of_c, tolerance), f"C: {of_c}, numpy: {of_twin}"
    assert same(for_twin, for_c, tolerance), "the arguments were written differently"
    return of_c

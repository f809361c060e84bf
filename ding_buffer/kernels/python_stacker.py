"""Columns from what ``extend`` is given, in Python: what ``stacker.c`` does."""

from __future__ import annotations

import sys
from operator import itemgetter
from typing import Any, cast

import numpy as np

from ding_buffer.kernels.python_records import RecordField, read_field, scalars_of

Columns = tuple[np.ndarray, ...]
_WIDEST = {"b": np.bool_, "i": np.int64, "u": np.uint64, "f": np.float64}
_ARRAY = np.ndarray


class Stacker:
    """Makes columns of payloads that are flat dicts of numbers and arrays.

    A field is ``(key, dtype char, itemsize, count of elements, shape)``. Payloads fit that ``RecordWriter``
    takes.
    """

    __slots__ = ("_fields", "_keys")

    def __init__(self, fields: tuple[Any, ...]) -> None:
        if type(fields) is not tuple:
            raise TypeError("the fields are a tuple")
        if not fields:
            raise ValueError("a payload without fields has no columns")
        if any(type(field) is not tuple or len(field) != 5 for field in fields):
            raise TypeError("a field is a tuple (key, dtype, itemsize, count, shape)")
        read = [read_field((*field, 0, 0), [sys.maxsize]) for field in fields]
        self._fields = [(field, scalars_of(field)) for field in read]
        self._keys = {field.key for field in read}
        if len(self._keys) != len(read):
            raise ValueError("two fields have the same key")

    def columns(self, batch: Any, /) -> Columns | None:
        """Returns the columns of a dict of them as they are, or of a list of payloads, stacked.

        None for what does not fit as it is: a column must have the very dtype and shape, and each array must
        be C-contiguous.
        """
        if type(batch) is dict:
            return self._taken(batch)
        return self._stacked(batch) if type(batch) is list else None

    def _taken(self, batch: dict[Any, Any]) -> Columns | None:
        if len(batch) != len(self._fields) or batch.keys() != self._keys:
            return None
        made = tuple([batch[field.key] for field, _ in self._fields])
        for (field, _), column in zip(self._fields, made, strict=True):
            if (
                type(column) is not _ARRAY
                or column.dtype.char != field.dtype.char
                or not column.dtype.isnative
            ):
                return None
            if column.ndim == 0 or column.shape[1:] != field.shape or len(column) != len(made[0]):
                return None
            flags = column.flags
            if not (flags.c_contiguous and flags.aligned):
                return None
        return made

    def _stacked(self, rows: list[Any]) -> Columns | None:
        count = len(rows)
        if any(type(row) is not dict or len(row) != len(self._fields) for row in rows):
            return None
        made = []
        for field, scalars in self._fields:
            try:
                values = list(map(itemgetter(field.key), rows))
            except KeyError:
                return None
            column = _column(field, scalars, values)
            if column is None:
                return None
            if field.shape:
                flat, column = column, np.empty((count, *field.shape), dtype=field.dtype)
                column.reshape(-1)[:] = flat
            made.append(column)
        return tuple(made)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("cannot pickle 'Stacker' object")


def _column(field: RecordField, scalars: frozenset[type], values: list[Any]) -> np.ndarray | None:
    """Returns the numbers of all values as a flat array of the dtype of a field; None if one does not fit.

    It may be read-only where the field has a shape.
    """
    kinds = set(map(type, values))
    if _ARRAY in kinds:
        arrays = values if len(kinds) == 1 else [value for value in values if type(value) is _ARRAY]
        if [array.shape for array in arrays].count(field.shape) != len(arrays):
            return None
        if [array.dtype for array in arrays].count(field.dtype) != len(arrays):
            return None
        if len(kinds) == 1:
            return _joined(field, values)
        values = [value[()] if type(value) is _ARRAY else value for value in values]
        kinds = set(map(type, values))
    return _numbers(field.dtype, values) if kinds <= scalars else None


def _joined(field: RecordField, arrays: list[np.ndarray]) -> np.ndarray | None:
    if field.stop == field.offset:
        return np.empty(0, dtype=field.dtype)
    try:
        # Several times faster than numpy's own ways.
        joined: Any = b"".join(cast("Any", arrays))
    except TypeError:  # one is not C-contiguous
        return None
    flat = np.frombuffer(joined, dtype=field.dtype)
    return flat if field.shape else flat.copy()


def _numbers(dtype: np.dtype, values: list[Any]) -> np.ndarray | None:
    """Returns single numbers as an array; None if one is beyond the dtype."""
    if dtype.kind == "u" and min(values, default=0) < 0:
        return None
    try:
        wide: np.ndarray = np.array(values, dtype=_WIDEST[dtype.kind])
    except OverflowError:
        return None
    if wide.dtype == dtype:
        return wide.astype(dtype, copy=False)
    with np.errstate(over="ignore"):
        made = wide.astype(dtype)
    lost = np.isinf(made) & ~np.isinf(wide) if dtype.kind == "f" else made != wide
    return None if lost.any() else made

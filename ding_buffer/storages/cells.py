"""One field of a table: all of it, or one value in and out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ding_buffer.storages.field import Field, as_array
from ding_buffer.storages.object_column import ObjectColumn, RaggedSlots
from ding_buffer.storages.tensor_memory import array_to_tensor, tensor_to_array

_PLAIN = frozenset({np.dtype(np.float64), np.dtype(np.int64), np.dtype(np.bool_)})
_WRITABLE = frozenset({np.ndarray, float, int, bool})


def column_in(table: np.ndarray, offset: int, field: Field) -> np.ndarray:
    """Returns one field of the rows of a table as a view."""
    size, rows = field.dtype.itemsize, len(table)
    if not field.count or not rows:
        return np.empty((rows, *field.shape), dtype=field.dtype)
    if not 0 <= offset <= table.shape[1] - field.nbytes:
        raise ValueError(f"{field.name} lies outside the row")
    inner = np.empty(field.shape, dtype=np.dtype((np.void, size))).strides
    strides = (table.shape[1], *inner)
    made: np.ndarray = np.ndarray((rows, *field.shape), field.dtype, table, offset, strides)
    return made


def writer(field: Field, column: Any) -> Callable[[int, Any], None]:
    """Returns a function that writes one value that fits into a slot of a field's column."""
    if isinstance(column, ObjectColumn):
        return column.put
    if field.raw:

        def write_raw(slot: int, value: Any) -> None:
            column[slot] = tensor_to_array(value, raw=True)

        return write_raw

    plain = _WRITABLE | {field.dtype.type}

    def write(slot: int, value: Any) -> None:
        column[slot] = value if type(value) in plain else as_array(value)

    return write


def reader(field: Field, column: Any) -> Callable[[int], Any]:
    """Returns a function that returns the value of a slot of a field's column, in new memory."""
    if isinstance(column, RaggedSlots):
        return lambda slot: column.row(slot).copy()
    if isinstance(column, ObjectColumn):
        return column.row
    if field.torch is not None:
        name = field.torch
        return lambda slot: array_to_tensor(np.array(column[slot]), name)
    if field.shape != ():
        return lambda slot: column[slot].copy()
    if field.dtype in _PLAIN:
        single: Callable[[int], Any] = column.item
        return single
    # A structured scalar is a view on the table.
    return lambda slot: column[slot].copy()

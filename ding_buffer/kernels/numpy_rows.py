"""Rows of a table of bytes to columns and back, in numpy; the twin of ``rows.c``."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.numpy_checks import check_array, check_dense, check_slots, integers, keep_apart

Table = npt.NDArray[np.uint8]
Columns = tuple[npt.NDArray[Any], ...]


def gather(table: Table, slots: npt.ArrayLike, offsets: tuple[int, ...], outs: Columns, /) -> None:
    """Copies the fields at these offsets of the rows out of the table, a column for each field.

    Field i of row s lies at ``table[s, offsets[i]:]`` and has the bytes of one row of ``outs[i]``, an array
    with one row per slot. Raises IndexError, TypeError or ValueError, nothing copied, for what does not fit.
    """
    slots = _checked(table, slots, offsets, outs, False)
    if not slots.size or not outs:
        return
    if len(outs) == 1:
        out, offset = outs[0], offsets[0]
        size = out.nbytes // slots.size
        if 0 < size == table.shape[1]:
            table.take(slots, axis=0, out=out.reshape(-1).view(np.uint8).reshape(-1, size), mode="clip")
        elif size:
            out.reshape(slots.size, -1)[...] = table[slots, offset : offset + size].view(out.dtype)
        return
    rows = _taken(table, slots)
    for offset, out in zip(offsets, outs, strict=True):
        size = out.nbytes // slots.size
        if size:
            out.reshape(slots.size, -1)[...] = rows[:, offset : offset + size].view(out.dtype)


def _taken(table: Table, slots: npt.NDArray[np.int64]) -> Table:
    """Returns these rows of the table, copied."""
    if table.shape[1] % 8 == 0 and table.ctypes.data % 8 == 0:
        # In pieces of eight bytes the same copy is several times faster.
        return table.view(np.float64).take(slots, axis=0, mode="clip").view(np.uint8)
    return table.take(slots, axis=0, mode="clip")


def scatter(table: Table, slots: npt.ArrayLike, offsets: tuple[int, ...], ins: Columns, /) -> None:
    """Copies a column for each field into the rows of the table, as ``gather`` copies them out.

    The last one of a slot named twice stays.
    """
    slots = _checked(table, slots, offsets, ins, True)
    if not slots.size:
        return
    for offset, column in zip(offsets, ins, strict=True):
        size = column.nbytes // slots.size
        if size:
            # As what they are, not byte for byte, cells are copied several times faster.
            table[:, offset : offset + size].view(column.dtype)[slots] = column.reshape(slots.size, -1)


def _checked(
    table: Table, slots: npt.ArrayLike, offsets: tuple[int, ...], columns: Columns, to_table: bool
) -> npt.NDArray[np.int64]:
    if not isinstance(offsets, tuple) or not isinstance(columns, tuple):
        raise TypeError("offsets and columns must be tuples")
    if len(offsets) != len(columns):
        raise ValueError(f"got {len(offsets)} offsets for {len(columns)} columns")
    slots = integers(slots, "slots")
    check_array(table, np.uint8, 2, "table", to_table)
    check_slots(slots, len(table))
    row_size = table.shape[1]
    for number, (offset, column) in enumerate(zip(offsets, columns, strict=True)):
        _check_column(number, column, slots.size, not to_table)
        size = column.nbytes // slots.size if slots.size else 0
        if not isinstance(offset, int) or not 0 <= offset <= row_size - size:
            raise ValueError(f"field {number} of {size} bytes does not lie within a row of {row_size}")
    if not _all_own_their_memory(table, slots, columns):
        _keep_all_apart(table, slots, columns, to_table)
    return slots


def _all_own_their_memory(table: Table, slots: npt.NDArray[np.int64], columns: Columns) -> bool:
    """Whether it is plain that no two of the arrays share memory: none looks into another."""
    owners = {id(column) for column in columns if column.base is None}
    under = table if table.base is None else table.base
    return (
        len(owners) == len(columns)
        and slots.base is None
        and isinstance(under, np.ndarray)
        and under is not slots
        and not owners & {id(slots), id(under)}
    )


def _keep_all_apart(table: Table, slots: npt.NDArray[np.int64], columns: Columns, to_table: bool) -> None:
    for column in columns:
        keep_apart(table, "table", column, "a column")
        if not to_table:
            keep_apart(column, "a column", slots, "slots")
    if to_table:
        keep_apart(table, "table", slots, "slots")
    else:
        for one, other in combinations(columns, 2):
            keep_apart(one, "a column", other, "another")


def _check_column(number: int, column: npt.NDArray[Any], rows: int, written: bool) -> None:
    if not isinstance(column, np.ndarray):
        raise TypeError(f"column {number} must be an array")
    if column.dtype.hasobject or not column.dtype.isnative:
        raise TypeError(f"column {number} must hold plain bytes in native order, got {column.dtype!r}")
    check_dense(column, "a column", written)
    if column.ndim < 1 or len(column) != rows:
        raise ValueError(f"column {number} must have {rows} rows")

"""Writing a dict of arrays and scalars into packed records, in Python: what ``record_writer.c`` does."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

_BY_SIZE = {"b": "?", "i": "bh.i...q", "u": "BH.I...Q", "f": ".e.f...d"}
_CODES: dict[str, str] = {
    char: _BY_SIZE[np.dtype(char).kind][np.dtype(char).itemsize - 1] for char in "?bhilqBHILQefd"
}
"""How ``struct`` writes one number of each kind that a record may hold."""
_PYTHON_TYPES: dict[str, type] = {"?": bool, "f": float, "d": float, **dict.fromkeys("bhiqBHIQ", int)}
_SMALL = 256
"""Bytes up to which an array is written together with its neighbours."""
_ARRAY = np.ndarray
_SCALARS = tuple(np.dtype(char).type for char in _CODES)


class RecordField(NamedTuple):
    """What is stored under one key, and where in a row."""

    key: str
    dtype: np.dtype
    shape: tuple[int, ...]
    offset: int
    stop: int
    table: int


class _Unfit(Exception):
    """Data that does not fit the record."""


class RecordWriter:
    """Writes dicts into records; ``target`` is ``(fields, tables)``.

    A field is ``(key, dtype char, itemsize, count of elements, shape, byte offset, place of its table)``; a
    table is uint8, ``(rows, bytes)``. A dict must have exactly the keys of the fields, and an array the very
    dtype and shape of its field. A field without dimensions also takes a numpy scalar of its dtype; a Python
    float where it is float32 (unless it overflows) or float64, an int in the range of an integer, a bool for
    a bool. With ``versions``, int64 by slot, that of a slot is odd while its row is being written; a
    processor that reorders writes may show it otherwise to another process.
    """

    __slots__ = ("pack", "rows", "store")

    def __init__(self, target: tuple[Any, ...], versions: np.ndarray | None = None) -> None:
        if len(target) != 2 or not all(type(part) is tuple for part in target):
            raise TypeError("a plan of records is (fields, tables), two tuples")
        fields, tables = target
        for table in tables:
            _check_array(table, "a table is", "uint8", "of shape (rows, bytes)", 2)
        if versions is not None:
            _check_array(versions, "versions are", "int64", "of one dimension", 1)
        read = [read_field(field, [table.shape[1] for table in tables]) for field in fields]
        if len({field.key for field in read}) != len(read):
            raise ValueError("two fields have the same key")
        read.sort(key=lambda field: (field.table, field.offset))
        self.rows = min((len(array) for array in (*tables, versions) if array is not None), default=1 << 63)
        """How many slots there are."""
        runs = [_make_run(run, tables) for run in _runs(read)]
        self.pack: Callable[[Any], Any]
        """Returns what ``store`` needs, or None where data is not fit to be written."""
        self.store: _Store
        """Writes it into the row of a slot."""
        if len(runs) == 1 and versions is None:
            (_, pack, self.store) = runs[0]
            self.pack = _one_run(_reader(read), pack)
        else:
            self.pack = _many_runs(_reader(read), runs)
            self.store = _storer([store for _, _, store in runs], versions)


def _reader(fields: list[RecordField]) -> Callable[[Any], list[Any]]:
    checks = [_check_of(field) for field in fields]

    def read(data: Any) -> list[Any]:
        if type(data) is not dict or len(data) != len(checks):
            raise _Unfit
        values = []
        for key, dtype, shape, small, taken in checks:
            value = data[key]
            kind = type(value)
            if kind is _ARRAY:
                own = value.dtype
                if (own is not dtype and own != dtype) or value.shape != shape:
                    raise _Unfit
                if small:
                    value = value.tobytes() if shape else value[()]
            elif kind not in taken:
                raise _Unfit
            values.append(value)
        return values

    return read


_Pack = Callable[..., Any]
_Store = Callable[[int, Any], Any]
_MISFITS = (_Unfit, KeyError, struct.error, OverflowError)


def _one_run(read: Callable[[Any], list[Any]], pack: _Pack) -> Callable[[Any], Any]:
    def pack_run(data: Any) -> Any:
        try:
            return pack(*read(data))
        except _MISFITS:
            return None

    return pack_run


def _many_runs(
    read: Callable[[Any], list[Any]], runs: list[tuple[int, _Pack, _Store]]
) -> Callable[[Any], Any]:
    def pack_runs(data: Any) -> Any:
        packed, place = [], 0
        try:
            values = read(data)
            for count, pack, _ in runs:
                packed.append(pack(*values[place : place + count]))
                place += count
        except _MISFITS:
            return None
        return packed

    return pack_runs


def _storer(stores: list[_Store], versions: np.ndarray | None) -> _Store:
    def store_runs(slot: int, packed: list[Any]) -> None:
        odd = 1
        if versions is not None:
            odd = (int(versions[slot]) + 1) | 1
            versions[slot] = odd
        for store, row in zip(stores, packed, strict=True):
            store(slot, row)
        if versions is not None:
            versions[slot] = odd + 1

    return store_runs


def _check_of(field: RecordField) -> tuple[Any, ...]:
    """Returns key, dtype, shape, whether it is packed as bytes, and which types of scalars it takes."""
    return (field.key, field.dtype, field.shape, _is_small(field), scalars_of(field))


def scalars_of(field: RecordField) -> frozenset[type]:
    """Returns the types of single numbers that a field takes, besides arrays."""
    if field.shape != ():
        return frozenset()
    scalars = {kind for kind in _SCALARS if np.dtype(kind) == field.dtype}
    return frozenset(scalars | {_PYTHON_TYPES.get(_CODES[field.dtype.char], field.dtype.type)})


def _is_small(field: RecordField) -> bool:
    return field.stop - field.offset <= _SMALL


def _runs(fields: list[RecordField]) -> list[list[RecordField]]:
    """Returns the fields, small neighbours together."""
    runs: list[list[RecordField]] = []
    for field in fields:
        if runs and _continues(runs[-1][-1], field):
            runs[-1].append(field)
        else:
            runs.append([field])
    return runs


def _continues(last: RecordField, field: RecordField) -> bool:
    beside = (field.table, field.offset) == (last.table, last.stop)
    return beside and _is_small(field) and _is_small(last)


def _make_run(
    fields: list[RecordField], tables: tuple[Any, ...]
) -> tuple[int, Callable[..., Any], Callable[..., Any]]:
    """Returns how many fields there are, how they are packed and how that goes into a row."""
    first, stop = fields[0], fields[-1].stop
    table = tables[first.table]
    if not _is_small(first):
        column = table[:, first.offset : stop].view(first.dtype).reshape(len(table), *first.shape)
        return 1, _itself, column.__setitem__
    codes = (f"{field.stop - field.offset}s" if field.shape else _CODES[field.dtype.char] for field in fields)
    memory, width, offset = memoryview(table.reshape(-1)), table.shape[1], first.offset

    def store(slot: int, row: bytes) -> None:
        start = slot * width
        memory[start + offset : start + stop] = row

    return len(fields), struct.Struct("=" + "".join(codes)).pack, store


def _itself(value: Any) -> Any:
    return value


def _check_array(array: Any, what: str, dtype: str, shape: str, ndim: int) -> None:
    if type(array) is not np.ndarray:
        raise TypeError(f"{what} not a numpy array")
    flags = array.flags
    if array.dtype != dtype or array.ndim != ndim or not (flags.c_contiguous and flags.writeable):
        raise ValueError(f"{what} {dtype}, {shape}, C-contiguous and writeable")


def read_field(given: Any, widths: Sequence[int]) -> RecordField:
    """Returns a field as it is written for rows of tables of these widths; raises for what makes no sense."""
    if type(given) is not tuple or len(given) != 7:
        raise TypeError("a field is a tuple (key, dtype, itemsize, count, shape, offset, table)")
    key, char, itemsize, count, shape, offset, table = given
    if type(key) is not str:
        raise TypeError("the key of a field is a str")
    if char not in _CODES:
        raise ValueError(f"field {key!r}: {char!r} is not a kind of number that is written here")
    if min(shape, default=0) < 0 or prod(shape) != count:
        raise ValueError(f"field {key!r}: shape {shape!r} does not have {count} elements")
    dtype = np.dtype(char)
    if itemsize != dtype.itemsize:
        raise ValueError(f"field {key!r}: its items have {dtype.itemsize} bytes, not {itemsize}")
    if not 0 <= table < len(widths):
        raise ValueError(f"field {key!r}: there is no table {table}")
    if offset < 0 or offset + count * itemsize > widths[table]:
        raise ValueError(f"field {key!r} reaches beyond the {widths[table]} bytes of a row")
    return RecordField(key, dtype, shape, offset, offset + count * itemsize, table)

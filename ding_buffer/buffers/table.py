"""Many payloads as a few columns of one array each, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ding_buffer.buffers.structure import Description, flatten, unflatten
from ding_buffer.core.errors import BadArgument, CorruptSnapshot, MissingExtra
from ding_buffer.storages.row_pieces import RowPieces

Save = Callable[["np.ndarray | RowPieces"], int]
Load = Callable[[int], Any]
_DTYPES: dict[str, Any] = {"int": np.int64, "float": np.float64, "bool": np.bool_}


def pack(values: Sequence[Any], save: Save) -> dict[str, Any]:
    """Returns ``values`` as JSON-ready data.

    Arrays are handed to ``save``, which returns the number they are kept under.

    Values of the same structure form one table, each leaf a column, so a million transitions become a handful
    of arrays. Raises ``BadArgument`` for a value that cannot be written.
    """
    try:
        return _pack(values, save)
    except RecursionError:
        raise BadArgument("A payload that holds itself cannot be written.") from None


def _pack(values: Sequence[Any], save: Save) -> dict[str, Any]:
    numbers: dict[Description, int] = {}
    columns: list[list[list[Any]]] = []
    which = np.empty(len(values), dtype=np.int32)
    for row, value in enumerate(values):
        leaves: list[Any] = []
        description = flatten(value, leaves)
        number = numbers.setdefault(description, len(numbers))
        if number == len(columns):
            columns.append([[] for _ in leaves])
        which[row] = number
        for column, leaf in zip(columns[number], leaves, strict=True):
            column.append(leaf)
    tables = []
    for description, table in zip(numbers, columns, strict=True):
        kinds = list(_leaf_kinds(description))
        packed = [_pack_column(kind, column, save) for kind, column in zip(kinds, table, strict=True)]
        tables.append({"structure": description, "columns": packed})
    return {"which": save(which), "tables": tables}


def unpack(packed: Any, load: Load) -> list[Any]:
    """Returns the values of ``pack``.

    ``load`` gives what numpy makes an array of, in memory that may be kept. Rows of tables are what it gives.
    """
    which = np.asarray(load(packed["which"]))
    rows = []
    for table, count in zip(
        packed["tables"], np.bincount(which, minlength=len(packed["tables"])).tolist(), strict=True
    ):
        description = table["structure"]
        columns = [
            _unpack_column(kind, column, load)
            for kind, column in zip(_leaf_kinds(description), table["columns"], strict=True)
        ]
        if any(len(column) != count for column in columns):
            raise CorruptSnapshot("A table of the file has columns of different lengths.")
        leaves = zip(*columns, strict=True) if columns else iter([()] * count)
        rows.append(iter([unflatten(description, iter(row)) for row in leaves]))
    return [next(rows[number]) for number in which.tolist()]


def _leaf_kinds(description: Any) -> Iterator[Any]:
    """Yields the kind of each leaf in the order ``flatten`` appends them."""
    if isinstance(description, str):
        if description != "none":
            yield description
    elif description[0] in ("array", "scalar", "tensor", "table"):
        yield description
    elif description[0] == "bytes":
        yield "str"
    elif description[0] == "complex":
        yield ("scalar", "complex128")
    elif description[0] == "custom":
        yield from _leaf_kinds(description[2])
    else:
        for part in description[-1]:
            yield from _leaf_kinds(part)


def _pack_column(kind: Any, column: list[Any], save: Save) -> Any:
    if kind in _DTYPES:
        try:
            return save(np.array(column, dtype=_DTYPES[kind]))
        except OverflowError:  # beyond 64 bits
            return column
    if kind == "str":
        return column
    if kind == "rows":
        return [save(rows) for rows in column]
    if kind[0] == "table":
        return [_pack(part, save) for part in column]
    if kind[0] == "tensor":
        return save(np.stack([_bytes_of(tensor) for tensor in column]))
    parts = [np.asarray(part) for part in column]
    if len(parts) == 1:
        return save(parts[0][np.newaxis])
    return save(np.stack(parts).astype(parts[0].dtype, copy=False))  # stack() turns bytes to native order


def _unpack_column(kind: Any, column: Any, load: Load) -> Sequence[Any]:
    if kind == "str" or (kind == "int" and isinstance(column, list)):
        return list(column)
    if kind == "rows":
        return [load(number) for number in column]
    if isinstance(kind, str):
        if kind not in _DTYPES:
            raise CorruptSnapshot(f"The file holds a {kind!r}, which this version cannot make.")
        numbers = np.asarray(load(column))
        if numbers.dtype.newbyteorder("=") != _DTYPES[kind]:
            raise CorruptSnapshot(f"A column of {kind} of the file holds {numbers.dtype}.")
        return list(numbers.tolist())
    if kind[0] == "table":
        parts = [unpack(part, load) for part in column]
        return parts if kind[1] == "list" else [tuple(part) for part in parts]
    stacked = np.asarray(load(column))
    if len(stacked) == 1 and kind[0] == "array":
        return [stacked[0]] if stacked.ndim > 1 else [stacked.reshape(())]
    if kind[0] == "scalar":
        return [row.copy() for row in stacked]
    if kind[0] == "tensor":
        return [_tensor(row, *kind[1:]) for row in stacked]
    return [np.array(row) for row in stacked]  # of its own, or one row would keep all the others in memory


def _bytes_of(tensor: Any) -> np.ndarray:
    """Returns the numbers of a tensor as unsigned integers, whose dtype tells the byte order."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    raw: np.ndarray = flat.view(_torch().uint8).numpy()
    return raw.view(f"u{flat.element_size() // (2 if flat.is_complex() else 1)}")


def _tensor(raw: np.ndarray, dtype: str, shape: Sequence[int], requires_grad: bool) -> Any:
    torch = _torch()
    kind = getattr(torch, dtype)
    # An array without bytes has strides that view() will not take.
    own = np.array(raw, dtype=raw.dtype.newbyteorder("=")).view(np.uint8)
    flat = torch.from_numpy(own).view(kind) if raw.size else torch.empty(0, dtype=kind)
    return flat.reshape(list(shape)).requires_grad_(requires_grad)


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtra.of("torch", "torch") from error
    return torch

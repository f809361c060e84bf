"""One leaf of a payload: what it is called, and which values it takes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from ding_buffer.core.copies import is_tensor
from ding_buffer.core.errors import SchemaError
from ding_buffer.core.ragged import RaggedColumn
from ding_buffer.storages.conversion import misfits, native, number_fits, range_of
from ding_buffer.storages.tensor_memory import (
    array_dtype,
    array_to_tensor,
    dtype_name,
    tensor_like,
    tensor_to_array,
)

_OBJECT: np.dtype[Any] = np.dtype(object)
_STORED = "biufcSUmMV"
_NUMBERS: dict[Any, Any] = {
    bool: np.dtype(np.bool_),
    int: np.dtype(np.int64),
    float: np.dtype(np.float64),
    complex: np.dtype(np.complex128),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A leaf by its path in the payload, and what is stored of it.

    ``kind`` is "array", "tensor", "ragged" (an array whose first dimension varies, None in ``shape``) or
    "object". ``dtype`` is numpy's, in native byte order; ``torch`` names the dtype of a tensor, whose bytes
    are stored as unsigned integers where numpy has no such dtype (``raw``).

    A value fits that has the shape and keeps its meaning: see ``conversion.misfits``. A field of shape ()
    takes Python numbers, numpy scalars and arrays of shape (); other fields take arrays, tensors, and lists
    of numbers.
    """

    path: tuple[Any, ...]
    kind: str
    dtype: np.dtype[Any] = _OBJECT
    shape: tuple[Any, ...] = ()
    torch: str | None = None

    @classmethod
    def of(cls, path: tuple[Any, ...], value: Any) -> Field:
        """Returns the field that the first value makes."""
        kind = type(value)
        if kind in _NUMBERS:
            return cls(path, "array", _NUMBERS[kind]) if _in_64_bits(value) else cls(path, "object")
        if is_tensor(value):
            known = array_dtype(dtype_name(value))
            if known is None or value.device.type == "meta":
                return cls(path, "object")
            return cls(path, "tensor", known[0], tuple(value.shape), dtype_name(value))
        if isinstance(value, (str, bytes, np.ma.MaskedArray)):
            return cls(path, "object")
        if not isinstance(value, (np.ndarray, np.generic)):
            if not hasattr(kind, "__dlpack__"):
                return cls(path, "object")
            value = np.asarray(value)
        return cls.of_dtype(path, value.dtype, value.shape)

    @classmethod
    def of_dtype(cls, path: tuple[Any, ...], dtype: np.dtype[Any], shape: tuple[Any, ...]) -> Field:
        """Returns an array field, or one of objects where the dtype holds any."""
        if dtype.hasobject or dtype.kind not in _STORED:
            return cls(path, "object")
        return cls(path, "ragged" if None in shape else "array", native(dtype), tuple(shape))

    @property
    def name(self) -> str:
        """What messages call it: ``obs.camera``, ``[2]``; the root is "the payload"."""
        return path_name(self.path)

    @property
    def count(self) -> int:
        """How many numbers one value has; 0 for ragged fields and objects."""
        return 0 if self.kind in ("ragged", "object") else int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """How many bytes one value takes; 0 for ragged fields and objects."""
        return self.count * self.dtype.itemsize

    @property
    def expected(self) -> str:
        """What it takes, in words."""
        if self.kind == "object":
            return "an object"
        dtype = f"{self.torch} tensor" if self.torch is not None else str(self.dtype)
        sizes = ", ".join("any" if size is None else str(size) for size in self.shape)
        return (
            f"{dtype} of shape ({sizes}{',' if len(self.shape) == 1 else ''})"
            if self.shape
            else f"one {dtype}"
        )

    @property
    def raw(self) -> bool:
        """Whether numpy has no dtype for the tensor's."""
        known = None if self.torch is None else array_dtype(self.torch)
        return known is not None and known[1]

    def fit(self, value: Any) -> Any:
        """Returns a value as the column takes it; raises ``SchemaError`` where it does not fit.

        A number or an array of the right shape, whose dtype may still differ where each value fits; for a
        ``raw`` field a tensor. May share the value's memory.
        """
        return self._fit(value, "")

    def fitter(self) -> Callable[[Any], Any]:
        """Returns ``fit`` with a short way for what fits without a doubt."""
        if self.kind in ("object", "ragged") or self.raw or self.dtype.kind not in "biufc":
            return self.fit
        return _array_fitter(self) if self.shape else _number_fitter(self)

    def _fit(self, value: Any, where: str) -> Any:
        if self.kind == "object":
            return value
        if self.raw:
            return self._fit_raw(value, self.shape, where)
        if type(value) in (bool, int, float) and self.shape == ():
            if not number_fits(value, self.dtype):
                self._refuse(where, f"{shown(value)}; {self.dtype} {range_of(self.dtype)}")
            return value
        array = as_array(value)
        if array is None:
            self._refuse(where, shown(value))
        self._check(array, self.shape, where)
        return array

    def _fit_raw(self, value: Any, shape: tuple[Any, ...], where: str) -> Any:
        name = str(self.torch)
        if is_tensor(value) and dtype_name(value) == name:
            made = value.detach().cpu()
        else:
            array = as_array(value)
            if array is None or array.dtype.kind not in "biuf":
                self._refuse(where, shown(value))
            made = tensor_like(array, name)
            lost = np.isfinite(array) & ~np.isfinite(tensor_to_array(made))
            if lost.any():
                self._refuse(where, f"{array[lost][0]!s}, which is more than {name} holds")
        if tuple(made.shape) != shape:
            self._refuse(where, shown(value), shape)
        return made

    def _check(self, array: np.ndarray, shape: tuple[Any, ...], where: str) -> None:
        """Raises unless the array has the shape (None takes any size) and only values that fit."""
        if array.shape != shape and (
            array.ndim != len(shape)
            or any(size not in (None, got) for size, got in zip(shape, array.shape, strict=True))
        ):
            other_length = shape == self.shape != () and array.shape[1:] == shape[1:] and array.ndim > 0
            hint = " (a field of any length is Ragged in a spec)" if other_length else ""
            self._refuse(where, shown(array) + hint, shape)
        wrong = misfits(array, self.dtype)
        if wrong is True:
            self._refuse(where, shown(array), shape)
        if wrong is not False and np.any(wrong):
            place = tuple(int(number) for number in np.argwhere(wrong)[0])
            row, place = (place[0], place[1:]) if len(shape) > len(self.shape) else (None, place)
            at = f" at [{', '.join(map(str, place))}]" if place else ""
            got = f"{array[wrong][0]!s}{at}; {self.dtype} {range_of(self.dtype)}"
            self._refuse(where if row is None else f" in row {row}", got)

    def fit_rows(self, values: Sequence[Any]) -> Any:
        """Returns many values as one column in new memory: what ``fit_column`` returns.

        Raises ``SchemaError`` that names the row of the first value that does not fit.
        """
        if self.kind == "object":
            return list(values)
        if self.kind == "ragged":
            return [self.fit_in(value, row) for row, value in enumerate(values)]
        column = None if self.raw else _stacked(values)
        if column is not None and column.shape == (len(values), *self.shape):
            if column.dtype == self.dtype:
                return column
            if not np.any(misfits(column, self.dtype)):
                return column.astype(self.dtype)
        fitted = [self.fit_in(value, row) for row, value in enumerate(values)]
        if self.raw:
            fitted = [tensor_to_array(value, raw=True) for value in fitted]
        made = np.empty((len(values), *self.shape), dtype=self.dtype)
        for row, value in enumerate(fitted):
            made[row] = value
        return made

    def fit_in(self, value: Any, row: int) -> Any:
        """Returns what ``fit`` returns; a refusal names the row."""
        try:
            return self.fit(value)
        except SchemaError:
            return self._fit(value, f" in row {row}")

    def fit_column(self, column: Any, length: int) -> Any:
        """Returns a stacked column as it is stored: raises ``SchemaError`` unless every row fits.

        Numbers come back as a contiguous array (length, ...) of ``dtype``, which may share memory with
        ``column``; ragged fields and objects as a list of rows.
        """
        as_it_is = self.kind == "array" and type(column) is np.ndarray and column.dtype is self.dtype
        if as_it_is and column.shape == (length, *self.shape) and column.flags.c_contiguous:
            return column
        if self.kind in ("object", "ragged"):
            if isinstance(column, str) or not hasattr(column, "__len__") or len(column) != length:
                self._refuse("", shown(column), rows=length)
            rows = column.tolist() if _holds_objects(column) else list(column)
            return rows if self.kind == "object" else self.fit_rows(rows)
        shape = (length, *self.shape)
        if self.raw:
            return tensor_to_array(self._fit_raw(column, shape, ""), raw=True)
        array = as_array(column)
        if array is None or array.shape != shape:
            self._refuse("", shown(column), rows=length)
        self._check(array, shape, "")
        return np.ascontiguousarray(array, dtype=self.dtype)

    def delivered(self, column: Any) -> Any:
        """Returns what ``fit_column`` or ``fit_rows`` returned as a batch shows it; arrays share memory."""
        if self.kind == "object":
            return np.fromiter(column, dtype=object, count=len(column))
        if self.kind == "ragged":
            return RaggedColumn.of(column, self.dtype, self.shape[1:])
        return column if self.torch is None else array_to_tensor(column, self.torch)

    def _refuse(
        self, where: str, got: str, shape: tuple[Any, ...] | None = None, rows: int | None = None
    ) -> NoReturn:
        if rows is None and shape is not None and len(shape) > len(self.shape):
            rows = shape[0]
        many = "" if rows is None else f"{rows} rows of "
        raise SchemaError(f"{self.name}{where}: expected {many}{self.expected}, got {got}.")


def _array_fitter(field: Field) -> Callable[[Any], Any]:
    kind, dtype, shape, fit = np.ndarray, field.dtype, field.shape, field.fit

    def fit_array(value: Any) -> Any:
        if type(value) is kind and value.dtype is dtype and value.shape == shape:
            return value
        return fit(value)

    return fit_array


def _number_fitter(field: Field) -> Callable[[Any], Any]:
    scalar, fit = field.dtype.type, field.fit
    lowest: Any = 0
    highest: Any = 1
    kinds: Any = frozenset({bool})
    if field.dtype.kind in "iu":
        limits = np.iinfo(field.dtype)
        lowest, highest, kinds = int(limits.min), int(limits.max), frozenset({int, bool})
    elif field.dtype.kind in "fc":
        highest = float(np.finfo(field.dtype).max)
        lowest, kinds = -highest, frozenset({float, int, bool})

    def fit_number(value: Any) -> Any:
        kind = type(value)
        if kind is scalar or (kind in kinds and lowest <= value <= highest):
            return value
        return fit(value)

    return fit_number


def path_name(path: Sequence[Any]) -> str:
    """Returns a path as it is written in messages."""
    text = "".join(
        f".{part}" if isinstance(part, str) and part.isidentifier() else f"[{part!r}]" for part in path
    )
    return text.removeprefix(".") if text else "the payload"


def shown(value: Any) -> str:
    """Says what came, in a few words."""
    if isinstance(value, (np.ndarray, np.generic)):
        masked = "masked " if isinstance(value, np.ma.MaskedArray) else ""
        return masked + (
            f"{value.dtype} of shape {value.shape}" if value.ndim else f"{value.dtype} {value!s:.40}"
        )
    if is_tensor(value):
        return f"a {dtype_name(value)} tensor of shape {tuple(value.shape)}"
    if isinstance(value, RaggedColumn):
        return f"a ragged column of {len(value)}"
    if type(value) in _NUMBERS or value is None:
        return f"{value!r:.40}"
    kind = type(value).__name__
    if type(value) in (str, bytes):
        return f"the {kind} {value!r:.40}"
    named = f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
    return f"{named} of {len(value)}" if hasattr(type(value), "__len__") else named


def as_array(value: Any) -> np.ndarray | None:
    """Returns numbers as an array, sharing memory where it can; None for what is none.

    Tensors lose their graph and come to the CPU. An array of which some is masked is none.
    """
    if isinstance(value, np.ndarray):
        return None if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value) else value
    if is_tensor(value):
        return tensor_to_array(value)
    if isinstance(value, (str, bytes)) or value is None:
        return None
    if isinstance(value, (list, tuple)):
        return _listed(value)
    array = np.asarray(value)
    return None if array.dtype.hasobject else array


def _listed(values: Sequence[Any]) -> np.ndarray | None:
    """Returns nested lists of numbers of one kind as an array."""
    try:
        array = np.array(values)
    except (TypeError, ValueError, RuntimeError):  # uneven, or tensors with a graph
        return None
    if array.dtype.kind == "f":
        listed = np.array(values, dtype=object).ravel().tolist()
        if any(type(value) is int and abs(value) > 2**53 for value in listed):
            return None  # numpy makes floats of whole numbers that no integer of 64 bits holds
    return array if array.dtype.kind in "biufc" else None


def _stacked(values: Sequence[Any]) -> np.ndarray | None:
    """Returns values of one type, dtype and shape as one array; None where they are of several."""
    kinds = set(map(type, values))
    if len(kinds) != 1:
        return None
    kind = kinds.pop()
    if kind in _NUMBERS:
        try:
            return np.array(values, dtype=_NUMBERS[kind])
        except OverflowError:
            return None
    if kind is np.ndarray:
        first = values[0]
        if [value.shape for value in values].count(first.shape) != len(values):
            return None
        if [value.dtype for value in values].count(first.dtype) != len(values):
            return None
        # Several times faster than np.stack.
        made = np.concatenate(values).reshape(len(values), *first.shape) if first.shape else np.stack(values)
        return made.astype(native(first.dtype), copy=False)
    if is_tensor(values[0]):
        torch, alike = (
            sys.modules["torch"],
            {(one.dtype, one.shape, one.device, one.layout) for one in values},
        )
        if len(alike) > 1 or values[0].layout is not torch.strided:
            return None
        return tensor_to_array(torch.stack([value.detach() for value in values]))
    if issubclass(kind, np.generic) and np.dtype(kind).kind in "biufc":
        return np.array(values, dtype=kind)
    return None


def _holds_objects(column: Any) -> bool:
    return isinstance(column, np.ndarray) and column.dtype.kind in "OUS"


def _in_64_bits(value: Any) -> bool:
    return type(value) is not int or -(2**63) <= value < 2**63

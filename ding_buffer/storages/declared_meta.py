"""Metas that travel with shared rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ding_buffer.core.batch import MetaColumns
from ding_buffer.core.errors import BadArgument, SchemaError
from ding_buffer.storages.field import shown

_KINDS = {"b": "bool", "i": "int", "u": "int", "f": "float"}
_TAKEN = {"bool": "b", "int": "iu", "float": "iuf"}
_TYPES: dict[str, Any] = {
    "bool": (bool, np.bool_),
    "int": (int, np.integer),
    "float": (float, int, np.floating, np.integer),
}
_MOST = 62


class DeclaredMeta:
    """The meta keys that all processes know: eight bytes a row each, and a bit that says whether it is there.

    ``kinds`` has for each key "bool", "int" or "float". A row of ``width`` int64 begins with the bits. None
    as a value is none.
    """

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.kinds = dict(kinds)
        self.width = len(self.kinds) + 1 if self.kinds else 0
        self._places = {key: place for place, key in enumerate(self.kinds, start=1)}
        self._row = np.zeros(self.width, dtype=np.int64)

    @classmethod
    def of(cls, dtypes: Mapping[str, Any] | None) -> DeclaredMeta:
        """Returns what a user declared: a dtype of bools, integers or floats for each key."""
        kinds = {}
        for key, dtype in (dtypes or {}).items():
            try:
                kind = _KINDS.get(np.dtype(dtype).kind)
            except TypeError:
                kind = None
            if kind is None or type(key) is not str:
                raise BadArgument(
                    f"meta[{key!r}] is declared as {dtype!r}. A key that processes share is a text with a "
                    f"dtype of bools, integers or floats."
                )
            kinds[key] = kind
        if len(kinds) > _MOST:
            raise BadArgument(f"{len(kinds)} meta keys are declared; there is room for {_MOST}.")
        return cls(kinds)

    def check(self, meta: Mapping[str, Any]) -> None:
        """Raises ``SchemaError`` for a meta that other processes cannot be told."""
        for key, value in meta.items():
            self._check_value(self._kind(key), key, value)

    def check_columns(self, metas: MetaColumns) -> None:
        """Does the same for metas of many."""
        for key, (values, _) in metas.items():
            kind = self._kind(key)
            if not isinstance(values, np.ndarray):
                for value in values:
                    self._check_value(kind, key, value)
            elif values.dtype.kind not in _TAKEN[kind] or (
                values.dtype == np.uint64 and kind == "int" and (values > np.uint64(2**63 - 1)).any()
            ):
                _refuse(kind, key, values)

    def _kind(self, key: str) -> str:
        kind = self.kinds.get(key)
        if kind is None:
            declared = ", ".join(self.kinds) or "none"
            raise SchemaError(
                f"meta[{key!r}]: expected one of the keys that processes share (declared: {declared}). "
                f"Declare it: SharedStorage(spec, meta={{{key!r}: np.float64}})."
            )
        return kind

    def _check_value(self, kind: str, key: str, value: Any) -> None:
        if value is None:
            return
        fits = isinstance(value, _TYPES[kind]) and (kind == "bool" or not isinstance(value, (bool, np.bool_)))
        if not fits or (kind == "int" and not -(2**63) <= value < 2**63):
            _refuse(kind, key, value)

    def pack_one(self, meta: Mapping[str, Any]) -> np.ndarray:
        """Returns one meta that passed ``check`` as a row; it is overwritten by the next call."""
        row, bits = self._row, 0
        for key, value in meta.items():
            if value is not None:
                place = self._places[key]
                (row.view(np.float64) if self.kinds[key] == "float" else row)[place] = value
                bits |= 1 << place
        if self.width:
            row[0] = bits
        return row

    def pack(self, metas: MetaColumns, count: int) -> np.ndarray:
        """Returns metas of many that passed ``check_columns`` as (count, width) int64."""
        block = np.zeros((count, self.width), dtype=np.int64)
        for key, (values, there) in metas.items():
            place = self._places[key]
            known: Any = True if there is None else there
            if not isinstance(values, np.ndarray):
                known = np.array([value is not None for value in values], dtype=bool) & known
                values = [0 if value is None else value for value in values]
            column = block.view(np.float64) if self.kinds[key] == "float" else block
            column[:, place] = values
            block[:, 0] |= np.where(known, 1 << place, 0)
        return block

    def unpack(self, block: np.ndarray) -> MetaColumns:
        """Returns rows as columns."""
        metas: MetaColumns = {}
        for key, place in self._places.items():
            there = (block[:, 0] >> place) & 1 != 0
            if there.any():
                values = block[:, place].copy()
                kind = self.kinds[key]
                if kind != "int":
                    values = values.view(np.float64) if kind == "float" else values != 0
                metas[key] = (values, None if there.all() else there)
        return metas


def _refuse(kind: str, key: str, value: Any) -> None:
    raise SchemaError(f"meta[{key!r}]: expected {kind}, as it was declared, got {shown(value)}.")

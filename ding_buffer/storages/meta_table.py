"""The metas of many items as one column for each key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ding_buffer.core.batch import MetaColumns
from ding_buffer.core.buffered_batch import entry
from ding_buffer.kernels.chosen import take_metas
from ding_buffer.structures.consecutive_slots import SlotRuns, rows_in

_DTYPES: dict[Any, Any] = {bool: np.bool_, int: np.int64, float: np.float64}
_KINDS: dict[str, Any] = {"b": bool, "i": int, "u": int, "f": float}


class MetaTable:
    """What is known about items, by slot: a key costs eight bytes an item, once somebody uses it.

    A column begins as bool, int64, float64 or objects, whichever its first value is, and becomes a column of
    objects when a value of another kind comes, so values keep their Python type. Numpy scalars become Python
    numbers. Keys may be missing in some rows.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: dict[str, np.ndarray] = {}
        self._kinds: dict[str, Any] = {}
        # Which rows have the key; a key that every row so far has had needs no note of it.
        self._there: dict[str, np.ndarray] = {}
        self._used = False
        self.unused = True
        """Whether no key has been used yet."""

    def put(self, slot: int, meta: Mapping[str, Any]) -> None:
        """Replaces the whole meta of a slot."""
        for key in self._values:
            if key not in meta:
                self._lose(key, slot)
        for key, value in meta.items():
            self._write(slot, key, value)
        self._used = True

    def _write(self, slot: int, key: str, value: Any) -> None:
        kind = self._kinds.get(key)
        if type(value) is not kind or kind is int:
            value, kind = self._suited(key, value)
        self._values[key][slot] = value
        there = self._there.get(key)
        if there is not None:
            there[slot] = True

    def _suited(self, key: str, value: Any) -> tuple[Any, Any]:
        """Returns a single value as its column takes it, which is made or changed to take it."""
        if isinstance(value, np.generic) and value.dtype.kind in _KINDS:
            value = value.item()
        kind: Any = type(value) if type(value) in _DTYPES else object
        if kind is int and not -(2**63) <= value < 2**63:
            kind = object
        return value, self._prepare(key, kind)

    def _prepare(self, key: str, kind: Any) -> Any:
        """Makes sure that the column takes values of a kind; returns the kind it has."""
        held = self._kinds.get(key)
        if held is None:
            self.unused = False
            if self._used:
                self._there[key] = np.zeros(self._capacity, dtype=bool)
            column = np.zeros(self._capacity, dtype=_DTYPES.get(kind, object))
            self._values[key], self._kinds[key] = column, kind  # both or none, if broken off
        elif held is not kind and held is not object:
            column = self._values[key].astype(object)
            self._values[key], self._kinds[key] = column, object
        return self._kinds[key]

    def _lose(self, key: str, slots: Any) -> None:
        """Notes that slots have no such key, and lets go of objects."""
        there = self._there.get(key)
        if there is None:
            there = self._there[key] = np.ones(self._capacity, dtype=bool)
        there[slots] = False
        if self._kinds[key] is object:
            self._values[key][slots] = None

    def leave_out(self) -> None:
        """Notes that items without a meta are stored past this table: a key used later is missing in them."""
        self._used = True

    def put_many(self, slots: np.ndarray, metas: MetaColumns) -> None:
        """Replaces the whole meta of many distinct slots."""
        for key in self._values:
            if key not in metas:
                self._lose(key, slots)
        for key, (values, there) in metas.items():
            self.set(slots, key, values, there)
        self._used = True

    def set(self, slots: np.ndarray, key: str, values: Any, there: np.ndarray | None = None) -> None:
        """Writes one key of many slots: an array or list of values.

        The last value of a slot named twice stays. Rows where ``there`` is False lose the key.
        """
        lacking = None
        if there is not None:
            places = np.flatnonzero(there)
            lacking = slots[~there]
            slots = slots[places]
            values = (
                values[places]
                if isinstance(values, np.ndarray)
                else [values[place] for place in places.tolist()]
            )
        if len(slots):
            column = values if self._suits(key, values) else self._suited_many(key, values)
            self._values[key][slots] = column
            if key in self._there:
                self._there[key][slots] = True
        if lacking is not None and len(lacking) and key in self._values:
            self._lose(key, lacking)

    def _suits(self, key: str, values: Any) -> bool:
        """Tells, cheaply, that values are what the column holds."""
        if not isinstance(values, np.ndarray) or key not in self._values:
            return False
        dtype = self._values[key].dtype
        return values.dtype == dtype and dtype.kind != "O" and values.ndim == 1

    def _suited_many(self, key: str, values: Any) -> np.ndarray:
        """Returns many values as their column takes them, which is made or changed to take them."""
        column = _typed(values)
        if column is not None and self._prepare(key, _KINDS[column.dtype.kind]) is not object:
            return column
        self._prepare(key, object)
        return _objects(values if column is None else column.tolist())

    def row(self, slot: int) -> dict[str, Any]:
        """Returns the meta of one slot, in a new dict."""
        return {
            key: entry(column, slot)
            for key, column in self._values.items()
            if key not in self._there or self._there[key][slot]
        }

    def one(self, slot: int, key: str) -> Any:
        """Returns one key of the meta of one slot, None where it is missing."""
        column = self._values.get(key)
        if column is None:
            return None
        there = self._there.get(key)
        return column.item(slot) if there is None or there[slot] else None

    def take(self, slots: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Returns the columns of slots, copied, and for keys that some of them lack: which ones do."""
        return take_metas(self._values, self._there, slots)

    @property
    def held(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """The columns by key, and for keys that not every row has, which rows do; both change in place."""
        return self._values, self._there

    def get(self, slots: np.ndarray, key: str) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Returns one key of slots and which of them have it: None, None means nobody, None alone all."""
        column = self._values.get(key)
        if column is None:
            return None, None
        there = self._there.get(key)
        return column.take(slots, mode="clip"), None if there is None else there.take(slots, mode="clip")

    def drop(self, slots: np.ndarray) -> None:
        """Lets go of the objects in these slots."""
        for column in self._values.values():
            if column.dtype.hasobject:
                column[slots] = None

    def clear(self) -> None:
        """Forgets everything, the kinds of the columns included."""
        self.unused = True
        self._values.clear()
        self._kinds.clear()
        self._there.clear()
        self._used = False

    @property
    def nbytes(self) -> int:
        """How many bytes the columns take; objects count as a reference each."""
        return sum(column.nbytes for column in (*self._values.values(), *self._there.values()))

    def state(self, slots: np.ndarray | SlotRuns) -> dict[str, Any]:
        """Returns the columns of slots, copied: for each key its values and which rows have it."""

        def taken(column: np.ndarray) -> np.ndarray:
            return np.concatenate(rows_in(column, slots))

        return {
            key: {
                "values": taken(column).tolist() if column.dtype.hasobject else taken(column),
                "there": taken(self._there[key]) if key in self._there else None,
            }
            for key, column in self._values.items()
        }


def columns_of_state(state: Mapping[str, Any], length: int) -> MetaColumns:
    """Returns what ``MetaTable.state`` gave as columns; raises ``ValueError`` where it does not fit."""
    columns: MetaColumns = {}
    for key, held in state.items():
        values, there = held["values"], held["there"]
        there = None if there is None else np.asarray(there, dtype=bool)
        if len(values) != length or (there is not None and there.shape != (length,)):
            raise ValueError(f"meta {key!r} has {len(values)} values for {length} items")
        columns[str(key)] = (values, there)
    return columns


def typed_metas(metas: MetaColumns) -> MetaColumns:
    """Returns the same with arrays for lists of bools, integers or floats."""
    return {
        key: (values if (column := _typed(values)) is None else column, there)
        for key, (values, there) in metas.items()
    }


def meta_array(values: Any) -> np.ndarray:
    """Returns many values of a meta as a new column of a batch: bool, int64, float64, or objects."""
    column = _typed(values)
    return _objects(values) if column is None else column.astype(_DTYPES[_KINDS[column.dtype.kind]])


def _objects(values: Any) -> np.ndarray:
    # Each as it is: of a list of lists numpy would make an array of two dimensions.
    return np.fromiter(values, dtype=object, count=len(values))


def _typed(values: Any) -> np.ndarray | None:
    """Returns values that are all bool, all integers or all floats as an array; None for any others."""
    if not isinstance(values, np.ndarray):
        kinds = set(map(type, values))
        if not (len(kinds) == 1 and (kinds <= _DTYPES.keys() or issubclass(next(iter(kinds)), np.generic))):
            return None
        try:
            values = np.array(values, dtype=_DTYPES.get(next(iter(kinds))))
        except OverflowError:  # beyond 64 bits
            return None
    if values.ndim != 1 or values.dtype.kind not in _KINDS:
        return None
    beyond = values.dtype == np.uint64 and (values > np.uint64(2**63 - 1)).any()
    return None if beyond else np.asarray(values)

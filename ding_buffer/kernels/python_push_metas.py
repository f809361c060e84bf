"""The meta of an item that is pushed: what ``push_metas.c`` does."""

from __future__ import annotations

from typing import Any

import numpy as np

_KINDS = {"?": bool, np.dtype(np.int64).char: int, "d": float}  # what a column holds
_WITHOUT_ENTRIES = (type(None), np.ndarray, tuple, list, int, float, str)


class PushMetas:
    """What the meta of a new item is, and how its row in the columns of metas is written.

    ``columns`` is ``(values, there)``, by key and by slot, and which rows have a key where not all do; None
    where metas lie in the items. With an ``intake`` every item is given its ``max_priority`` under ``key``. A
    meta that holds the key itself is not for here, nor a payload without meta that does.
    """

    __slots__ = ("_intake", "_key", "_there", "trivial", "values")

    def __init__(self, columns: Any = None, key: str | None = None, intake: Any = None) -> None:
        if columns is not None and not (
            type(columns) is tuple and len(columns) == 2 and all(type(part) is dict for part in columns)
        ):
            raise TypeError(f"metas are a tuple of two dicts, got {type(columns)!r}")
        if key is not None and type(key) is not str:
            raise TypeError("key must be a str or None")
        if key is None and intake is not None:
            raise TypeError("an intake needs a key")
        self.values: dict[str, np.ndarray]
        self._there: dict[str, np.ndarray]
        self.values, self._there = ({}, {}) if columns is None else columns
        self._key, self._intake = key, intake
        self.trivial = key is None
        """Whether the meta of an item is what was given."""

    def made(self, data: Any, given: dict[str, Any] | None) -> dict[str, Any] | None:
        """Returns the meta of a new item; None: it is not for here."""
        key, intake = self._key, self._intake
        if given is not None and key in given:
            return None
        if key is None or intake is None:
            return {} if given is None else given
        if given is None and not (key not in data if type(data) is dict else type(data) in _WITHOUT_ENTRIES):
            return None
        highest = intake.max_priority
        return {**(given or {}), key: highest} if type(highest) is float else None

    def fit(self, meta: dict[str, Any], rows: int) -> bool:
        """Tells whether a meta can be written to a row of the columns as they are.

        Each key must have one of the very kind of its value, and it must be possible to note that the row
        lacks all others.
        """
        left = len(meta)
        for key, column in self.values.items():
            noted = self._there.get(key)
            if noted is not None and not (noted.dtype == np.bool_ and noted.shape == (rows,)):
                return False
            if key in meta:
                value = meta[key]
                if type(value) is not _KINDS.get(column.dtype.char) or column.shape != (rows,):
                    return False
                if type(value) is int and not -(2**63) <= value < 2**63:
                    return False
                left -= 1
            elif noted is None or column.dtype.hasobject:
                return False
        return left == 0

    def write(self, slot: int, meta: dict[str, Any]) -> None:
        """Writes it."""
        for key, column in self.values.items():
            noted = self._there.get(key)
            if noted is not None:
                noted[slot] = key in meta
            if key in meta:
                column[slot] = meta[key]

"""Rows as new columns, in numpy: what ``take.c`` and ``take_metas.c`` do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.numpy_checks import check_slots, integers
from ding_buffer.kernels.numpy_rows import gather


class RowTaker:
    """Takes rows of tables apart, into new columns.

    ``fields`` says of each (table, offset, dtype, shape); ``tables`` are uint8, (rows, bytes of a row).
    ``build`` is a tuple of keys for a dict of the columns, or makes something of the list of them.
    """

    __slots__ = ("_build", "_forms", "_numbers", "_tables")

    def __init__(
        self,
        fields: tuple[tuple[int, int, np.dtype[Any], tuple[int, ...]], ...],
        tables: tuple[npt.NDArray[np.uint8], ...],
        build: tuple[Any, ...] | Callable[[list[Any]], Any] | None = None,
    ) -> None:
        for table, offset, dtype, shape in fields:
            size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
            if dtype.hasobject:
                raise TypeError(f"a field must hold plain bytes, got {dtype!r}")
            if min(shape, default=0) < 0:
                raise ValueError("a field cannot have that shape")
            if not 0 <= table < len(tables) or not 0 <= offset <= tables[table].shape[1] - size:
                raise ValueError("a field does not lie within a row of its table")
        if build is not None and (
            len(build) != len(fields) if isinstance(build, tuple) else not callable(build)
        ):
            raise ValueError("build must be a tuple with a key for each field, a callable, or None")
        self._tables = tables
        self._build = build
        self._forms = [(dtype, shape) for _, _, dtype, shape in fields]
        self._numbers = [
            [(number, field[1]) for number, field in enumerate(fields) if field[0] == table]
            for table in range(len(tables))
        ]

    def take(self, slots: Any) -> Any:
        """Returns the fields of the rows in these slots, stacked: new arrays, (n, *shape of the field)."""
        where = integers(slots, "slots")
        made = [np.empty((where.size, *shape), dtype) for dtype, shape in self._forms]
        for table, held in zip(self._tables, self._numbers, strict=True):
            outs = tuple([made[number] for number, _ in held])
            gather(table, where, tuple([offset for _, offset in held]), outs)
        if self._build is None:
            return made
        if isinstance(self._build, tuple):
            return dict(zip(self._build, made, strict=True))
        return self._build(made)


def take_metas(
    values: Mapping[str, np.ndarray], there: Mapping[str, npt.NDArray[np.bool_]], slots: Any, /
) -> tuple[dict[str, np.ndarray], dict[str, npt.NDArray[np.bool_]]]:
    """Returns the columns at slots, copied, and for keys that some of them lack: which ones do.

    A key is lacking where ``there[key]`` is False; one that all lack is left out.
    """
    where = integers(slots, "slots")
    columns: dict[str, np.ndarray] = {}
    absent: dict[str, npt.NDArray[np.bool_]] = {}
    for key, column in values.items():
        check_slots(where, len(column))
        noted = there.get(key)
        if noted is not None:
            lacking = ~noted.take(where, mode="clip")
            if lacking.any():
                if lacking.all():
                    continue
                absent[key] = lacking
        columns[key] = column.take(where, mode="clip")
    return columns, absent

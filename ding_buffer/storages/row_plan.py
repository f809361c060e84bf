"""Where everything lies in the memory that processes share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ding_buffer.core.errors import BadArgument, SchemaError
from ding_buffer.storages.declared_meta import DeclaredMeta
from ding_buffer.storages.layout import LINE, RowLayout, lay_out
from ding_buffer.storages.schema import Schema
from ding_buffer.storages.shared_segment import SharedSegment

_MAGIC = b"ding-buf"
_EDITION = 1
_PAGE = 4096
_MOST_SPARE_ROWS, _MOST_SPARE_BYTES, _LEAST_SPARE_ROWS = 1024, 1 << 22, 16


@dataclass(frozen=True)
class RowPlan:
    """What the process that makes the memory says, and the others read from its beginning.

    Writer w owns the rows from ``starts[w]`` up to ``starts[w + 1]``: its share of the capacity and a few
    more, so that the row of an item that has just left is not written over at once: another process may be
    reading it.
    """

    schema: Schema
    capacity: int
    writers: int
    layout: str
    meta: DeclaredMeta

    def __post_init__(self) -> None:
        if not 1 <= self.writers <= self.capacity:
            raise BadArgument(
                f"{self.writers} writers need a buffer of at least as many items, and there must be one; "
                f"this buffer has {self.capacity}."
            )

    @property
    def row_layout(self) -> RowLayout:
        """Where the fields of a row lie."""
        return lay_out(self.schema.fields, self.layout)

    @property
    def shares(self) -> list[int]:
        """How many of the newest rows of each writer count."""
        bounds = [number * self.capacity // self.writers for number in range(self.writers + 1)]
        return [end - begin for begin, end in pairwise(bounds)]

    @property
    def starts(self) -> list[int]:
        """The first row of each writer, and one after the last."""
        fitting = max(_LEAST_SPARE_ROWS, _MOST_SPARE_BYTES // max(1, self.row_layout.row_bytes))
        starts = [0]
        for share in self.shares:
            spare = max(share // 64, min(share, _MOST_SPARE_ROWS, fitting))
            starts.append(starts[-1] + share + spare)
        return starts

    def head(self) -> bytes:
        """Returns what stands at the beginning of the memory."""
        told = {
            "edition": _EDITION,
            "schema": self.schema.state(),
            "capacity": self.capacity,
            "writers": self.writers,
            "layout": self.layout,
            "meta": self.meta.kinds,
        }
        text = json.dumps(told).encode()
        return _MAGIC + len(text).to_bytes(8, "little") + text

    @classmethod
    def read(cls, segment: SharedSegment) -> RowPlan:
        """Returns the plan of a segment; raises ``BadArgument`` where it is none of a ``SharedStorage``."""
        head = segment.array(0, (16,), np.uint8).tobytes() if segment.size >= 16 else b""
        if head[:8] != _MAGIC:
            raise BadArgument(f"The shared memory {segment.name!r} is not that of a SharedStorage.")
        text = segment.array(16, (int.from_bytes(head[8:], "little"),), np.uint8).tobytes()
        told = json.loads(text)
        if told["edition"] != _EDITION:
            raise BadArgument(
                f"The shared memory {segment.name!r} is of edition {told['edition']}, and this is "
                f"{_EDITION}: all processes need the same version of ding_buffer."
            )
        schema = Schema.from_state(told["schema"])
        return cls(schema, told["capacity"], told["writers"], told["layout"], DeclaredMeta(told["meta"]))


class MappedRows:
    """The arrays of a plan in a segment.

    * ``written``: for each writer how many rows it has finished.
    * ``versions``: for each row the stamp of what lies there, ``(n + 1) << 16`` for the n-th row of its
      writer, plus 2 for each time its payload was replaced since; odd while the row is being written.
    * ``log``: the n-th row of writer w is row ``log[starts[w] + n % size of its part]``.
    * ``metas``: the declared metas of each row, see ``DeclaredMeta``.
    """

    def __init__(self, plan: RowPlan, segment: SharedSegment | None) -> None:
        self._segment, self._end = segment, _up(len(plan.head()), _PAGE)
        rows = plan.starts[-1]
        self.written = self._array((plan.writers,), np.int64)
        self.versions = self._array((rows,), np.int64)
        self.log = self._array((rows,), np.int64)
        self.metas = self._array((rows, plan.meta.width), np.int64)

    def _array(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        begin = _up(self._end, LINE)
        self._end = begin + int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        if self._segment is None:
            return np.empty(0, dtype=dtype)
        return self._segment.array(begin, shape, dtype)

    def allocate(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        """Returns the memory of one table of rows: the ``allocate`` of a ``ColumnTable``."""
        return self._array(shape, dtype)


def bytes_needed(plan: RowPlan) -> int:
    """Returns how many bytes a segment of this plan has."""
    mapped = MappedRows(plan, None)
    rows = plan.starts[-1]
    for itemsize in plan.row_layout.itemsizes:
        mapped.allocate("", (rows, itemsize), np.dtype(np.uint8))
    return _up(mapped._end, _PAGE)


def check_sharable(schema: Schema) -> None:
    """Raises ``SchemaError`` where fields cannot lie in shared memory."""
    loose = [field.name for field in schema.fields if field.kind in ("object", "ragged")]
    if loose:
        raise SchemaError(
            f"{', '.join(loose)}: expected fields of a fixed size, which processes can share, got objects or "
            f"fields of varying length. Keep those in a ColumnStorage, or give them a dtype and a shape."
        )


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple

"""Where each field of a row lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ding_buffer.core.errors import BadArgument
from ding_buffer.storages.field import Field

SMALL = 256
"""A field of more bytes than this has a table of its own."""

LINE = 64
"""The bytes of a cache line: a row that begins at one is read with as few of them as can be."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The place of a field's bytes: which table, and from which byte of the table's row on.

    Two fields may have the same place, and a place need not be in step with the row it is read for: nothing
    but the functions here says so.
    """

    table: int
    offset: int


@dataclass(frozen=True, slots=True)
class RowLayout:
    """How many bytes a row of each table has, and the place of each field.

    ``places`` has None for ragged fields and objects, which lie in no table. ``has_records`` tells
    whether the first table holds the small fields; every other holds one field.
    """

    itemsizes: tuple[int, ...]
    places: tuple[Placement | None, ...]
    has_records: bool

    @property
    def row_bytes(self) -> int:
        """How many bytes of all tables one row takes."""
        return sum(self.itemsizes)


def check_layout(layout: str) -> None:
    """Raises ``BadArgument`` for what is no name of a layout."""
    if layout not in ("aligned", "compact"):
        raise BadArgument(f"layout is 'aligned' or 'compact', got {layout!r}.")


def lay_out(fields: Sequence[Field], layout: str = "aligned") -> RowLayout:
    """Returns the layout of a schema's fields.

    The small fields share one record, the largest alignment first, so that each lies where its dtype likes
    it. "aligned" makes a record 64 bytes or a multiple (a small one the next power of two, 8 at least), which
    costs memory and touches the fewest cache lines; "compact" adds no byte, and records, and what is in them,
    lie at any address.
    """
    check_layout(layout)
    stored = [number for number, field in enumerate(fields) if field.kind not in ("object", "ragged")]
    small = [number for number in stored if fields[number].nbytes <= SMALL]
    small.sort(key=lambda number: -fields[number].dtype.alignment)
    places: list[Placement | None] = [None] * len(fields)
    itemsizes: list[int] = []
    if small:
        offset = 0
        for number in small:
            align = fields[number].dtype.alignment if layout == "aligned" else 1
            offset = -(-offset // align) * align
            places[number] = Placement(0, offset)
            offset += fields[number].nbytes
        itemsizes.append(_padded(offset) if layout == "aligned" else max(1, offset))
    for number in stored:
        if places[number] is None:
            places[number] = Placement(len(itemsizes), 0)
            itemsizes.append(fields[number].nbytes)
    return RowLayout(tuple(itemsizes), tuple(places), bool(small))


def _padded(size: int) -> int:
    if size >= LINE:
        return -(-size // LINE) * LINE
    padded = 8
    while padded < size:
        padded *= 2
    return padded

"""Saved columns, and what else a column storage can be filled from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ding_buffer.core.batch import MetaColumns, column_values, meta_columns
from ding_buffer.storages.column_table import ColumnTable
from ding_buffer.storages.content import ObjectContent
from ding_buffer.storages.meta_table import MetaTable, columns_of_state
from ding_buffer.storages.schema import Schema
from ding_buffer.structures.consecutive_slots import SlotRuns


class ColumnContent(NamedTuple):
    """Items as columns: the rows of a ``ColumnTable`` as it saved them, less the first, or stacked fields."""

    schema: Schema
    saved: Mapping[str, Any] | None
    fields: list[Any] | None
    metas: MetaColumns
    length: int
    skipped: int = 0

    def values(self, key: str) -> list[Any]:
        """Returns one meta key of every item, None where it has none."""
        return column_values(self.metas, key, self.length)

    def in_memory(self) -> ColumnContent:
        """Returns it with the rows that lie in a file read, so that they cannot prove to be damaged later."""
        if self.saved is None:
            return self
        read = {
            key: np.asarray(part) if hasattr(part, "read_into") else part for key, part in self.saved.items()
        }
        return self._replace(saved=read)

    def write(self, table: ColumnTable, slots: np.ndarray | SlotRuns) -> None:
        """Writes the rows into slots of a table of this schema."""
        if self.saved is not None:
            table.load(slots, self.saved, self.skipped)
        elif self.length:
            table.write_many(np.asarray(slots), self.fields or [])


def save_columns(
    table: ColumnTable, metas: MetaTable, slots: np.ndarray | SlotRuns, copy: bool = True
) -> dict[str, Any]:
    """Returns the state of these rows; with ``copy=False`` see ``ColumnTable.state``."""
    return {
        "schema": table.schema.state(),
        "columns": table.state(slots, copy),
        "meta_columns": metas.state(slots),
    }


def read_columns(state: Mapping[str, Any], count: int, skipped: int) -> ColumnContent:
    """Reads what ``save_columns`` gave, less its first rows; raises where it does not fit together."""
    schema = Schema.from_state(state["schema"])
    metas = columns_of_state(state["meta_columns"], count)
    saved: Mapping[str, Any] = state["columns"]
    # Sure that it can be written: what it will replace cannot be brought back.
    ColumnTable(schema, 1).check_state(saved, count)
    metas = {
        key: (values[skipped:], None if there is None else there[skipped:])
        for key, (values, there) in metas.items()
    }
    return ColumnContent(schema, saved, None, metas, count - skipped, skipped)


def stack_content(schema: Schema, content: ObjectContent) -> ColumnContent:
    """Returns payloads and metas as columns; raises ``SchemaError`` where one does not fit."""
    fields = schema.stacked_rows(content.payloads)
    metas = meta_columns(content.metas, len(content.payloads))
    return ColumnContent(schema, None, fields, metas, len(content.payloads))


def unstack_content(content: ColumnContent) -> ObjectContent:
    """Returns columns as a payload and a meta each."""
    table, metas = ColumnTable(content.schema, max(content.length, 1)), MetaTable(max(content.length, 1))
    content.write(table, np.arange(content.length))
    metas.put_many(np.arange(content.length), content.metas)
    return ObjectContent(
        [content.schema.build(table.row(row), trees=True) for row in range(content.length)],
        [metas.row(row) for row in range(content.length)],
    )

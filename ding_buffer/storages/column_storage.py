"""Items as columns in memory: a batch is a few arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ding_buffer.core.batch import MetaColumns, in_hand, is_columns
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.errors import SchemaError
from ding_buffer.core.item import BufferedData
from ding_buffer.kernels.chosen import RowTaker
from ding_buffer.storages.column_content import (
    ColumnContent,
    read_columns,
    save_columns,
    stack_content,
    unstack_content,
)
from ding_buffer.storages.column_table import ColumnTable, aligned_zeros
from ding_buffer.storages.content import object_content
from ding_buffer.storages.layout import check_layout
from ding_buffer.storages.meta_table import MetaTable
from ding_buffer.storages.schema import Schema
from ding_buffer.storages.storage import Names
from ding_buffer.structures.consecutive_slots import SlotRuns

Stacked = tuple[Schema, Sequence[Any], bool]
"""A schema, many payloads as its columns, and whether these lie in memory as they are stored."""
_OF_MANY = ("stacked", "put_many", "returned")
_LEFT_OUT = ("_names", "_plan", "held", "on_retarget", "taker")


class ColumnStorage:
    """Payloads of one schema, each field at its place in memory that is reserved at once.

    What is pushed is copied in, and ``sample`` returns copies, stacked: a ``BufferedBatch``. ``spec`` says
    what a payload looks like: its containers, with a dtype, a ``(dtype, shape)``, a gymnasium space and so on
    for each leaf (see ``schema_spec.spec_leaf``); without it the first item does, anew after ``clear``. What
    does not fit is refused with ``SchemaError`` and changes nothing.

    Small fields of an item share one record, so that fetching an item touches one place in memory; large ones
    (images) have a column each. The record has no gaps; ``layout="aligned"`` pads it to whole cache lines,
    which was not faster where it was measured. The system gives memory as items come. Texts and other objects
    are kept by reference, in a column of their own. Metas lie in columns too.
    """

    strict = True
    columnar = True
    on_retarget: Callable[[], None] | None = None
    held: Callable[[], int] | None = None
    shared = False

    def __init__(self, spec: Any = None, *, layout: str = "compact") -> None:
        self._spec = None if spec is None else Schema.from_spec(spec)
        check_layout(layout)
        self._layout = layout
        self._capacity = 0
        self._table: ColumnTable | None = None
        self._plan: Any = None
        self.taker: RowTaker | None = None
        """What makes of rows the ``data`` of a batch; None where there are none, or that takes more."""
        self._metas = MetaTable(0)
        self._names: Names
        self._forget()

    def bind(self, capacity: int, names: Names) -> None:
        """Reserves the memory, where it is known already what a payload looks like."""
        self._names = names
        if self._capacity != capacity:
            self._capacity = capacity
            self._metas = MetaTable(capacity)
            if self._spec is not None:
                self._make(self._spec)

    def _make(self, schema: Schema) -> ColumnTable:
        return self._keep(self._new_table(schema))

    def _new_table(self, schema: Schema) -> ColumnTable:
        return ColumnTable(schema, self._capacity, self._layout, self._allocate)

    def _keep(self, table: ColumnTable) -> ColumnTable:
        self._table, self._plan, self.taker = table, table.plan(), table.taker()
        self._retarget()
        return table

    def _allocate(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        """Returns zeroed memory for one table."""
        return aligned_zeros(name, shape, dtype)

    @property
    def schema(self) -> Schema | None:
        """What a payload looks like; None until that is known."""
        return self._spec if self._table is None else self._table.schema

    @property
    def table(self) -> ColumnTable | None:
        """The memory that fields lie in by slot; None before there is any, and where slots are no rows of it.

        It is another one where the storage begins anew.
        """
        return None if self.shared else self._table

    def _table_for(self, schema: Schema) -> ColumnTable:
        return self._make(schema) if self._table is None else self._table

    # What the store asks before anything changes; the answer is kept for the ``put`` that follows.

    def _forget(self) -> None:
        self._ready: tuple[Any, list[Any], Schema] | None = None

    def check(self, data: Any, meta: Mapping[str, Any]) -> None:
        """Raises ``SchemaError`` for a payload that does not fit."""
        schema = self.schema or Schema.of(data)
        self._ready = (data, schema.fit(data), schema)

    def stacked(self, batch: Any) -> tuple[Stacked, int]:
        """Returns many payloads as columns, checked, and how many there are."""
        schema = self.schema
        if schema is not None:
            columns = schema.at_once(batch)
            if columns is not None:
                fresh = isinstance(batch, list)  # of payloads, which have been stacked
                return (schema, columns if fresh else self._apart(columns), True), len(columns[0])
        return self._stacked(batch, schema)

    def _apart(self, columns: Sequence[Any]) -> Sequence[Any]:
        """Returns columns, those that lie in this storage's own rows copied: these are written over soon."""
        return columns if self._table is None else self._table.apart(columns)

    def _stacked(self, batch: Any, schema: Schema | None) -> tuple[Stacked, int]:
        if isinstance(batch, BufferedBatch):
            batch = batch.without_fillers()
            columns = len(batch) > 0
            batch = batch.data if columns else []
        else:
            batch = in_hand(batch)
            columns = is_columns(batch)
        if schema is None:
            if not columns and not len(batch):
                return (Schema.of(None), [], False), 0
            schema = Schema.of_columns(batch) if columns else Schema.of(batch[0])
        if columns:
            leaves = self._apart(schema.stacked_columns(batch))
            return (schema, leaves, False), schema.length(leaves)
        leaves = schema.stacked(batch)
        # Payloads without any field are counted as they came.
        return (schema, leaves, False), schema.length(leaves) if leaves else len(batch)

    def returned(self, columns: Stacked) -> Any:
        """Returns stacked columns as the ``data`` of a batch."""
        schema, leaves, ready = columns
        if len(leaves) < len(schema.fields):  # nothing came, and nobody said what it would look like
            return None
        return schema.build(leaves if ready else schema.delivered(leaves))

    @property
    def wrap(self) -> Callable[[Any], Any] | None:
        """What makes a payload of one row of a batch; None where it is one."""
        schema = self.schema
        return schema.wrapped if schema is not None and schema.has_trees else None

    # Items.

    def put(self, slot: int, data: Any, index: str, meta: dict[str, Any]) -> BufferedData:
        """Copies one item in; returns it with the payload it was given."""
        if self._ready is None or self._ready[0] is not data:
            self.check(data, meta)
        _, leaves, schema = self._ready  # type: ignore[misc]
        self._forget()
        self._table_for(schema).write(slot, leaves)
        self._foresee(1, meta)
        self._metas.put(slot, meta)
        return BufferedData(data, index, meta)

    def put_many(self, slots: np.ndarray, columns: Stacked, rows: slice, metas: MetaColumns) -> None:
        """Copies many items in."""
        schema, leaves, ready = columns
        if not (ready and len(leaves[0]) == len(slots)):
            leaves = [leaf[rows] for leaf in leaves]
        self._table_for(schema).write_many(slots, leaves, ready)
        if metas:
            self._foresee(len(slots), metas)
        self._metas.put_many(slots, metas)

    def _foresee(self, count: int, metas: Mapping[str, Any]) -> None:
        """Notes, before the first meta comes with ``count`` new items, whether items came past the metas."""
        if metas and self._metas.unused and (self.held is None or self.held() > count):
            self._metas.leave_out()

    def target(self) -> Any:
        """Returns the plan of the tables; metas go to ``quick_metas``."""
        return None if self._table is None or type(self).put is not ColumnStorage.put else self._plan

    @property
    def takes_columns(self) -> bool:
        """Whether columns may be written to the target past this class, as one item may."""
        kind = type(self)
        return all(getattr(kind, name) is getattr(ColumnStorage, name) for name in _OF_MANY)

    def _retarget(self) -> None:
        if self.on_retarget is not None:
            self.on_retarget()

    def item(self, slot: int) -> BufferedData:
        """Returns a copy of one item."""
        table = self._held()
        payload = table.schema.build(table.row(slot), trees=True)
        return BufferedData(payload, self._names(np.array([slot]))[0], self._metas.row(slot))

    def _held(self) -> ColumnTable:
        if self._table is None:
            raise SchemaError("The storage holds nothing yet, and nobody said what a payload looks like.")
        return self._table

    def take(self, slots: Any, repeats: bool = True) -> BufferedBatch:
        """Returns copies of the items of slots, stacked."""
        asked = np.asarray(slots, dtype=np.int64)
        where = asked.copy()  # the caller's; what names the items stays as it is
        if self._table is None:
            return BufferedBatch(None, where, self._names(asked), {})
        schema = self._table.schema
        meta, absent = self._metas.take(where)
        return BufferedBatch(
            schema.build(self._table.take(where)) if self.taker is None else self.taker.take(where),
            where,
            self._names(asked),
            meta,
            absent,
            wrap=self.wrap,
        )

    @property
    def quick_metas(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]] | None:
        """The columns of metas, for whoever reads and writes them directly; None where that is not all."""
        return None if self.shared else self._metas.held

    def read(self, slots: np.ndarray, path: tuple[Any, ...]) -> Any:
        """Returns one field of slots, stacked: (*slots.shape, *shape of the field); a ragged one flat."""
        return self._held().read(slots, path)

    def value_of(self, slot: int, path: tuple[Any, ...]) -> Any:
        """Returns one field of one slot, in new memory."""
        return self._held().value_of(slot, path)

    def meta(self, slot: int) -> dict[str, Any]:
        """Returns a copy of the meta of one slot."""
        return self._metas.row(slot)

    def meta_of(self, slot: int, key: str) -> Any:
        """Returns one key of the meta of one slot, None where it is missing."""
        return self._metas.one(slot, key)

    def metas(self, slots: Any, key: str) -> tuple[Any, np.ndarray | None]:
        """Returns one meta key of slots and which have it."""
        where = np.asarray(slots, dtype=np.int64)
        values, there = self._metas.get(where, key)
        if values is None:
            return [None] * len(where), np.zeros(len(where), dtype=bool)
        return values, there

    def set_metas(self, slots: Any, key: str, values: Any) -> None:
        """Writes one meta key of slots."""
        self._foresee(0, {key: values})
        self._metas.set(np.asarray(slots, dtype=np.int64), key, values)

    def write(self, slot: int, data: Any, meta: dict[str, Any] | None) -> None:
        """Replaces payload and meta of one slot."""
        self._forget()
        if data is not None:
            table = self._held()
            table.write(slot, table.schema.fit(data))
        if meta is not None:
            self._foresee(0, meta)
            self._metas.put(slot, meta)

    def drop(self, slots: Sequence[int]) -> None:
        """Lets go of the objects of slots; numbers stay until they are written over."""
        if self._table is not None:
            self._table.drop(slots)
        self._metas.drop(np.asarray(slots, dtype=np.int64))

    def clear(self) -> None:
        """Lets go of everything, and of what a payload looks like where nobody but the first item said it."""
        self._forget()
        self._metas.clear()
        if self._spec is None:
            self._table = self.taker = None
        elif self._table is not None:
            self._table.clear()
        self._retarget()

    # State.

    def state_dict(self, slots: Any, copy: bool = True) -> dict[str, Any]:
        """Returns the rows of slots and what they look like."""
        if self._table is None:
            return {"data": [], "meta": []}
        if not isinstance(slots, SlotRuns):
            slots = np.asarray(slots, dtype=np.int64)
        return save_columns(self._table, self._metas, slots, copy)

    def content(self, state: Mapping[str, Any], count: int, skipped: int) -> ColumnContent:
        """Reads a state of any storage."""
        if "columns" in state:
            content = read_columns(state, count, skipped)
            if self._spec is None or self._spec == content.schema:
                return content
            payloads = unstack_content(content)
        else:
            payloads = object_content(state, count, skipped)
        first = payloads.payloads[0] if payloads.payloads else None
        return stack_content(self._spec or Schema.of(first), payloads)

    def fill(self, slots: Any, content: ColumnContent, names: Sequence[str]) -> None:
        """Replaces everything.

        The rows go to new memory: where they prove to be damaged nothing has changed, and what shows the old
        ones stays as it is.
        """
        made = None
        if content.length:
            made = self._new_table(content.schema)
            content.write(made, slots)
        self.clear()
        if made is not None:
            self._keep(made)
            self._metas.put_many(np.asarray(slots) if content.metas else slots, content.metas)

    def stats(self) -> dict[str, Any]:
        """Returns the bytes reserved for all slots, metas included; objects count as a reference each."""
        return {"bytes": self._metas.nbytes + (0 if self._table is None else self._table.nbytes)}

    def __getstate__(self) -> dict[str, Any]:
        """A copy is told anew whose storage it is."""
        return {key: value for key, value in self.__dict__.items() if key not in _LEFT_OUT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._plan = None if self._table is None else self._table.plan()
        self.taker = None if self._table is None else self._table.taker()

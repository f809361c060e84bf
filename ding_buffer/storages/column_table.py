"""The rows of a column storage, in memory of a fixed size."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ding_buffer.core.copies import is_tensor
from ding_buffer.core.errors import BadArgument, CorruptSnapshot, SchemaError
from ding_buffer.core.ragged import RaggedColumn
from ding_buffer.kernels.chosen import RowTaker, gather, scatter
from ding_buffer.storages.cells import column_in, reader, writer
from ding_buffer.storages.field import Field
from ding_buffer.storages.layout import LINE, RowLayout, lay_out
from ding_buffer.storages.object_column import ObjectColumn, RaggedSlots
from ding_buffer.storages.row_pieces import RowPieces
from ding_buffer.storages.schema import Schema
from ding_buffer.storages.tensor_memory import array_to_tensor, tensor_to_array
from ding_buffer.structures.consecutive_slots import SlotRuns, rows_in, slot_runs

Allocate = Callable[[str, tuple[int, ...], np.dtype[Any]], np.ndarray]


def aligned_zeros(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """Returns zeros that begin at a cache line; the system gives memory to what is written only."""
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    memory = np.zeros(size + LINE, dtype=np.uint8)
    begin = -memory.ctypes.data % LINE
    return memory[begin : begin + size].view(dtype).reshape(shape)


class ColumnTable:
    """Holds the fields of payloads by slot, for ``capacity`` slots.

    Small fields share one table of records, (capacity, bytes of a record) uint8; a large field has an array
    of its own, (capacity, *shape). ``layout`` is "aligned", "compact" or a ``RowLayout``. ``allocate`` makes
    the memory: from a name, a shape and a dtype, zeroed, contiguous. Objects are kept by reference,
    everything else is copied in and out.

    Slots are expected to be valid and values to fit: the schema checks them.
    """

    def __init__(
        self,
        schema: Schema,
        capacity: int,
        layout: str | RowLayout = "aligned",
        allocate: Allocate = aligned_zeros,
    ) -> None:
        if capacity < 1:
            raise BadArgument(f"A table has at least one row, got a capacity of {capacity}.")
        self.schema = schema
        self.capacity = capacity
        self.layout = layout if isinstance(layout, RowLayout) else lay_out(schema.fields, layout)
        self.tables: tuple[np.ndarray, ...] = self._allocated(allocate)
        """The memory, each (capacity, bytes of a row) uint8."""
        self._numbers = {field.path: number for number, field in enumerate(schema.fields)}
        self._columns: list[Any] = []
        for field, place in zip(schema.fields, self.layout.places, strict=True):
            if place is not None:
                self._columns.append(column_in(self.tables[place.table], place.offset, field))
            elif field.kind == "ragged":
                self._columns.append(RaggedSlots(field.dtype, field.shape[1:]))
            else:
                self._columns.append(ObjectColumn())
        self._loose = [column for column in self._columns if isinstance(column, ObjectColumn)]
        self._special = [
            (number, column)
            for number, (field, column) in enumerate(zip(schema.fields, self._columns, strict=True))
            if field.kind != "array"
        ]
        self._writers = [
            writer(field, column) for field, column in zip(schema.fields, self._columns, strict=True)
        ]
        self._readers = [
            reader(field, column) for field, column in zip(schema.fields, self._columns, strict=True)
        ]
        self._held_in = [(table, *self._fields_in(number)) for number, table in enumerate(self.tables)]
        self._in_tables = [number for number, place in enumerate(self.layout.places) if place is not None]
        self._taker = self._make_taker(None)

    def _allocated(self, allocate: Allocate) -> tuple[np.ndarray, ...]:
        tables = []
        for number, itemsize in enumerate(self.layout.itemsizes):
            if number == 0 and self.layout.has_records:
                tables.append(allocate("records", (self.capacity, itemsize), np.dtype(np.uint8)))
                continue
            ((place,), _) = self._fields_in(number)
            field = self.schema.fields[place]
            column = allocate(field.name, (self.capacity, *field.shape), field.dtype)
            tables.append(column.reshape(self.capacity, -1).view(np.uint8))
        # A memmap would make each view of it a memmap.
        return tuple(table.view(np.ndarray) for table in tables)

    def _fields_in(self, table: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Returns the numbers of the fields that lie in a table, and where in its rows."""
        places = enumerate(self.layout.places)
        held = [(number, place.offset) for number, place in places if place and place.table == table]
        return tuple(number for number, _ in held), tuple(offset for _, offset in held)

    def _make_taker(self, build: Any) -> RowTaker:
        fields = [
            (place.table, place.offset, field.dtype, field.shape)
            for field, place in zip(self.schema.fields, self.layout.places, strict=True)
            if place is not None
        ]
        return RowTaker(tuple(fields), self.tables, build)

    def taker(self) -> RowTaker | None:
        """Returns what makes of rows, by slot, the ``data`` of a batch; None where some lies in no table."""
        if self._special or self.schema.has_trees:
            return None
        return self._make_taker(self.schema.keys or self.schema.build)

    def column(self, path: Sequence[Any]) -> Any:
        """Returns the memory of one field: an array (capacity, *shape) on it, with strides.

        Of a tensor without a numpy dtype its bytes; of ragged fields and objects their ``ObjectColumn``.
        """
        return self._columns[self._number_of(path)]

    def read(self, slots: np.ndarray, path: Sequence[Any]) -> Any:
        """Returns one field of slots as ``take`` would, of shape (*slots.shape, *shape of the field).

        A ``RaggedColumn`` has the slots in one row. Objects are the stored ones.
        """
        number = self._number_of(path)
        field, place, column = self.schema.fields[number], self.layout.places[number], self._columns[number]
        where = slots.reshape(-1)
        if place is None:
            values = column.take(where.tolist())
            if isinstance(column, RaggedSlots):
                return RaggedColumn.of(values, column.dtype, column.shape)
            return np.fromiter(values, dtype=object, count=len(where)).reshape(slots.shape)
        out = np.empty((len(where), *field.shape), field.dtype)
        gather(self.tables[place.table], where, (place.offset,), (out,))
        made = out if field.torch is None else array_to_tensor(out, field.torch)
        return made.reshape(*slots.shape, *field.shape)

    def value_of(self, slot: int, path: Sequence[Any]) -> Any:
        """Returns one field of one slot, in new memory; objects themselves."""
        return self._readers[self._number_of(path)](slot)

    def _number_of(self, path: Sequence[Any]) -> int:
        number = self._numbers.get(tuple(path))
        if number is None:
            raise SchemaError(f"There is no field {tuple(path)!r}, only {[*self._numbers]}.")
        return number

    def write(self, slot: int, leaves: Sequence[Any]) -> None:
        """Writes one row: what ``schema.fit`` returned, or leaves that it let pass."""
        for write, leaf in zip(self._writers, leaves, strict=True):
            write(slot, leaf)

    def write_many(self, slots: np.ndarray, columns: Sequence[Any], ready: bool = False) -> None:
        """Writes as many rows as there are slots: what ``schema.stacked`` or ``take`` returned.

        Of a slot named twice the last row stays. ``ready``: it is what ``schema.at_once`` returned.
        """
        for table, numbers, offsets in self._held_in:
            if not ready:
                ins = tuple([self._as_stored(number, columns[number]) for number in numbers])
            elif len(numbers) == len(columns):
                ins = tuple(columns)
            else:
                ins = tuple([columns[number] for number in numbers])
            scatter(table, slots, offsets, ins)
        if self._loose:
            self._write_loose(slots, columns)

    def _write_loose(self, slots: np.ndarray | SlotRuns, columns: Sequence[Any]) -> None:
        listed = slots.tolist() if self._loose else []
        for column, values in zip(self._columns, columns, strict=True):
            if isinstance(column, ObjectColumn):
                column.put_many(listed, values)

    def apart(self, columns: Sequence[Any]) -> list[Any]:
        """Returns columns, with copies of those that lie in these tables: writing here changes none."""
        return [column.copy() if self._holds(column) else column for column in columns]

    def _holds(self, column: Any) -> bool:
        if not isinstance(column, np.ndarray) or column.base is None:
            return False  # most are somebody's own
        return any(np.may_share_memory(table, column) for table in self.tables)

    def _as_stored(self, number: int, values: Any) -> np.ndarray:
        field = self.schema.fields[number]
        if type(values) is np.ndarray and values.dtype is field.dtype:
            flags = values.flags
            if flags.c_contiguous and flags.aligned:
                return values
        array = tensor_to_array(values, field.raw) if is_tensor(values) else values
        stored = np.ascontiguousarray(array, dtype=field.dtype)
        return stored if stored.flags.aligned else stored.copy()

    def row(self, slot: int) -> list[Any]:
        """Returns the leaves of one row, in new memory; objects themselves.

        Single numbers are Python's where they are bool, int64 or float64, otherwise numpy's.
        """
        return [read(slot) for read in self._readers]

    def take(self, slots: np.ndarray) -> list[Any]:
        """Returns the columns of slots, in the order asked, in new memory that is the caller's.

        Arrays (n, ...), torch tensors for tensors, a ``RaggedColumn``, or an array of objects: these are the
        stored ones, and of a slot named again a deep copy.
        """
        taken: list[Any] = self._taker.take(slots)
        if not self._special:
            return taken
        made: list[Any] = [None] * len(self._columns)
        for number, column in zip(self._in_tables, taken, strict=True):
            made[number] = column
        listed = slots.tolist() if self._loose else []
        for number, column in self._special:
            if isinstance(column, RaggedSlots):
                made[number] = RaggedColumn.of(column.take(listed), column.dtype, column.shape)
            elif isinstance(column, ObjectColumn):
                made[number] = column.take_apart(listed)
            else:
                made[number] = array_to_tensor(made[number], str(self.schema.fields[number].torch))
        return made

    def drop(self, slots: Sequence[int]) -> None:
        """Lets go of the objects of slots; numbers stay until they are written over."""
        for column in self._loose:
            column.drop(slots)

    def clear(self) -> None:
        """Lets go of all objects."""
        for column in self._loose:
            column.clear()

    @property
    def nbytes(self) -> int:
        """How many bytes are set aside: for all slots, written or not, and objects by their references."""
        return sum(table.nbytes for table in self.tables) + sum(column.nbytes for column in self._loose)

    def used_bytes(self, count: int) -> int:
        """How many bytes ``count`` rows take."""
        return count * self.layout.row_bytes + sum(column.used_bytes(count) for column in self._loose)

    def plan(self) -> tuple[tuple[Any, ...], tuple[np.ndarray, ...]] | None:
        """Returns what a function needs that writes flat dicts of numbers without this class, else None.

        For each field (key, dtype char, bytes of a number, numbers, shape, offset, table), and the tables.
        """
        plain = self.schema.plain
        if plain is None:
            return None
        fields = [
            (*field, place.offset, place.table)
            for field, place in zip(plain, self.layout.places, strict=True)
            if place is not None  # a number lies somewhere
        ]
        return tuple(fields), self.tables

    def state(self, slots: np.ndarray | SlotRuns, copy: bool = True) -> dict[str, Any]:
        """Returns the content of slots as a dict of few arrays: whole rows of the tables, in that order.

        With ``copy=False`` the rows are ``RowPieces``, and those of a few runs of slots lie where they lay.
        Ragged fields are two arrays, objects a list.
        """
        made: dict[str, Any] = {"order": sys.byteorder, "places": self._places()}
        for number, table in enumerate(self.tables):
            rows = rows_in(table, slots)
            made[f"table {number}"] = np.concatenate(rows) if copy else RowPieces(rows)
        listed = slots.tolist() if self._loose else []
        for number, column in enumerate(self._columns):
            if isinstance(column, RaggedSlots):
                ragged = RaggedColumn.of(column.take(listed), column.dtype, column.shape)
                made[f"values {number}"] = ragged.values
                made[f"lengths {number}"] = ragged.lengths
            elif isinstance(column, ObjectColumn):
                made[f"objects {number}"] = column.take(listed)
        return made

    def _places(self) -> np.ndarray:
        """Returns table and offset of each field; -1 where it lies in none."""
        places = [(-1, -1) if place is None else (place.table, place.offset) for place in self.layout.places]
        return np.array(places, dtype=np.int64).reshape(-1, 2)

    def load(self, slots: np.ndarray | SlotRuns, state: Mapping[str, Any], skipped: int = 0) -> None:
        """Writes what ``state`` returned, but for its first rows, into slots.

        It may come from a table of any layout and a machine of any byte order, with the same schema, and its
        rows may lie in a file. Raises ``CorruptSnapshot`` where it does not fit together, before anything has
        changed; where it turns out that rows of a file are damaged, the slots hold anything.
        """
        self.check_state(state, skipped + len(slots))
        alike = self._alike(state)
        for number, table in enumerate(self.tables if alike else ()):
            rows, targets = state[f"table {number}"], [table[run] for run in slot_runs(slots)]
            if hasattr(rows, "read_into") and not skipped:
                rows.read_into(targets)
                continue
            rows, begin = np.asarray(rows), skipped
            for target in targets:
                target[...] = rows[begin : begin + len(target)]
                begin += len(target)
        columns = [
            None if column is None else column[skipped:]
            for column in self._columns_of(state, loose_only=alike)
        ]
        if alike:
            self._write_loose(slots, columns)
        else:
            self.write_many(np.asarray(slots), columns)

    def check_state(self, state: Mapping[str, Any], length: int) -> None:
        """Raises ``CorruptSnapshot`` unless ``load`` can read so many rows of a state."""
        try:
            self._check(state, length)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise CorruptSnapshot(f"The saved columns do not fit together: {error}.") from error

    def _check(self, state: Mapping[str, Any], length: int) -> None:
        places = np.asarray(state["places"], dtype=np.int64)
        if places.shape != (len(self._columns), 2):
            raise ValueError(f"{len(places)} fields for {len(self._columns)}")
        if state["order"] not in ("little", "big"):
            raise ValueError(f"there is no byte order {state['order']!r}")
        widths = {}
        for number in set(places[:, 0].tolist()) - {-1}:
            shape = np.shape(state[f"table {number}"])
            if len(shape) != 2 or shape[0] != length:
                raise ValueError(f"table {number} has the shape {shape} for {length} rows")
            widths[number] = shape[1]
        for field, (table, offset) in zip(self.schema.fields, places.tolist(), strict=True):
            if field.kind in ("array", "tensor") and not 0 <= offset <= widths[table] - field.nbytes:
                raise ValueError(f"{field.name} lies outside the row")
        for field, column in zip(self.schema.fields, self._columns_of(state, loose_only=True), strict=True):
            if column is not None and len(column) != length:
                raise ValueError(f"{field.name} has {len(column)} rows for {length}")

    def _alike(self, state: Mapping[str, Any]) -> bool:
        """Tells whether the tables of a state have the same rows as these."""
        return (
            state["order"] == sys.byteorder
            and np.array_equal(state["places"], self._places())
            and all(
                np.shape(state[f"table {number}"])[1] == itemsize
                for number, itemsize in enumerate(self.layout.itemsizes)
            )
        )

    def _columns_of(self, state: Mapping[str, Any], loose_only: bool) -> list[Any]:
        """Returns the fields of a state as columns; with ``loose_only`` None for those in tables."""
        columns: list[Any] = []
        tables: dict[int, np.ndarray] = {}
        for number, field in enumerate(self.schema.fields):
            if field.kind == "object":
                columns.append(list(state[f"objects {number}"]))
            elif field.kind == "ragged":
                columns.append(_ragged(state[f"values {number}"], state[f"lengths {number}"], field))
            elif loose_only:
                columns.append(None)
            else:
                table, offset = state["places"][number].tolist()
                if table not in tables:
                    tables[table] = np.ascontiguousarray(state[f"table {table}"], dtype=np.uint8)
                written = replace(field, dtype=field.dtype.newbyteorder(state["order"]))
                columns.append(column_in(tables[table], offset, written))
        return columns

    def __getstate__(self) -> dict[str, Any]:
        """A copy has memory of its own, whoever allocated this one's."""
        return {
            "schema": self.schema,
            "capacity": self.capacity,
            "layout": self.layout,
            "tables": self.tables,
            "loose": self._loose,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["schema"], state["capacity"], state["layout"])  # type: ignore[misc]
        for table, saved in zip(self.tables, state["tables"], strict=True):
            table[...] = saved
        for column, held in zip(self._loose, state["loose"], strict=True):
            column.__dict__.update(held.__dict__)


def _ragged(values: Any, lengths: Any, field: Field) -> RaggedColumn:
    column = RaggedColumn(np.asarray(values, dtype=field.dtype), lengths)
    if column.values.shape[1:] != field.shape[1:]:
        raise ValueError(f"{field.name} has rows of shape {column.values.shape[1:]}")
    return column

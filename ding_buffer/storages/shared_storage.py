"""Items as columns in memory that processes share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar, cast

import numpy as np

from ding_buffer.core.batch import MetaColumns
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.errors import BadArgument
from ding_buffer.core.item import BufferedData
from ding_buffer.core.number_checks import check_whole
from ding_buffer.storages.column_content import ColumnContent
from ding_buffer.storages.column_storage import ColumnStorage, Stacked
from ding_buffer.storages.declared_meta import DeclaredMeta
from ding_buffer.storages.meta_table import MetaTable
from ding_buffer.storages.row_plan import RowPlan, bytes_needed, check_sharable
from ding_buffer.storages.row_reader import Arrivals
from ding_buffer.storages.schema import Schema
from ding_buffer.storages.shared_rows import SharedRows
from ding_buffer.storages.shared_segment import SharedSegment, checked_name
from ding_buffer.storages.storage import Names
from ding_buffer.storages.weak_call import WeakCall
from ding_buffer.storages.writer_seat import WriterSeat

Self = TypeVar("Self", bound="SharedStorage")


class SharedStorage(ColumnStorage):
    """Payloads of one schema in memory that other processes attach to by its name.

    One process makes it, with a buffer around it, which says how many items there is room for; others
    ``attach`` and put it into a buffer of the same size. Each then has a buffer of its own on the same rows:

    * What anybody pushes arrives in all buffers, at the beginning of whatever they do next, and tells their
      layers. Each buffer has an order, layers, groups, use counts, priorities and a generator of its own;
      ``update`` of metas, ``delete`` and ``clear`` concern only the process that calls them.
    * There are ``writers`` numbers, and a process pushes as one of them: the one it attached with, or for the
      process that made the memory the first that is free when it first pushes. The newest
      ``capacity / writers`` rows of each count. Nobody else writes to these rows, so nobody ever waits:
      writers write, and a reader that finds a row changed under its hands draws another. It never sees half
      of one.
    * ``update(data=)`` is for the process that pushed the item.
    * ``meta`` declares the keys that may be pushed, each with a dtype of bools, integers or floats: they
      reach the others. Other metas are refused.
    * ``stats()`` counts as ``missed`` what was overwritten before this process looked at it or came while a
      layer failed, and as ``overtaken`` how often rows were overwritten while they were being read.

    The memory goes when the last process leaves: ``close``, the end of the process however it comes, or when
    nothing refers to the storage any more. A writer that died leaves its rows and its number to whoever comes
    next. Objects and fields of varying length cannot be shared. Pickled, for a process that is spawned, it
    becomes an attachment that writes as nobody; so does what a child made by ``fork`` inherits. A pickle or a
    deep copy of a buffer is one in the memory of its own process. POSIX systems only.
    """

    shared = True

    def __init__(
        self,
        spec: Any,
        *,
        name: str | None = None,
        writers: int = 1,
        layout: str = "compact",
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        if spec is None:
            raise BadArgument("SharedStorage needs a spec: other processes must know what a payload is.")
        super().__init__(spec, layout=layout)
        check_sharable(self._told_schema)
        check_whole("writers", writers, 1)
        self._name = None if name is None else checked_name(name)
        self._writers, self._declared = writers, DeclaredMeta.of(meta)
        self._follows = True
        self._segment: SharedSegment | None = None
        self._seat: WriterSeat | None = None
        self._begin()

    def _begin(self) -> None:
        self._shared: SharedRows | None = None
        self.arriving = False
        """Whether layers are being told of items that have arrived."""
        self.retire: Callable[[np.ndarray], None] | None = None
        """Told of slots whose rows are needed for others; a store puts itself here."""

    @classmethod
    def attach(
        cls: type[Self], name: str, writer: int | None = None, *, follow: bool = True, wait: float = 0.0
    ) -> Self:
        """Returns a storage on the memory of a name: put it in ``DequeBuffer(storage.capacity, ...)``.

        ``writer`` is the number this process pushes as; None only reads. With ``follow=False`` what others
        push does not arrive here, which saves a process that only pushes the work. ``wait`` says for how many
        seconds the memory may still be missing. Raises ``BadArgument`` where there is none, or the number is
        taken.
        """
        segment = SharedSegment.attach(name, wait)
        try:
            plan = RowPlan.read(segment)
            seat = WriterSeat(segment, plan.writers, open_to=False)
            if writer is not None:
                seat.claim(writer)
        except BaseException:
            segment.leave()
            raise
        made = cls.__new__(cls)
        ColumnStorage.__init__(made, None, layout=plan.layout)
        made._spec, made._capacity = plan.schema, plan.capacity
        made._name, made._writers, made._declared = name, plan.writers, plan.meta
        made._follows = follow
        made._segment, made._seat = segment, seat
        segment.serve(made)
        made._begin()
        return made

    @property
    def _told_schema(self) -> Schema:
        return cast("Schema", self._spec)

    @property
    def name(self) -> str:
        """What other processes attach to; known once a buffer has the storage, or given."""
        if self._name is None:
            raise BadArgument("The memory has no name yet: put the storage into a buffer, or name it.")
        return self._name

    @property
    def capacity(self) -> int:
        """How many items there is room for; 0 until a buffer says it."""
        return self._capacity

    @property
    def writers(self) -> int:
        """How many processes can write at a time."""
        return self._writers

    @property
    def writer(self) -> int | None:
        """The number this process writes as."""
        return None if self._seat is None else self._seat.number

    def claim(self, writer: int | None = None) -> int:
        """Makes this process the writer of a number, or the first that is free, and returns it.

        Raises ``BadArgument`` where it is taken by a process that lives.
        """
        if self._seat is None:
            raise BadArgument("There is no memory yet: put the storage into a buffer first.")
        return self._seat.claim(writer)

    def close(self) -> None:
        """Leaves the memory, which goes where nobody else uses it; the storage cannot be used any more."""
        if self._segment is not None:
            self._segment.leave()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def bind(self, capacity: int, names: Names) -> None:
        """Makes the memory, or looks anew at what lies in it."""
        if self._capacity and self._capacity != capacity:
            raise BadArgument(
                f"{self._name!r} has room for {self._capacity} items, and the buffer is to have {capacity}. "
                f"Make it DequeBuffer(storage.capacity, storage=storage)."
            )
        self._names = names
        plan = RowPlan(self._told_schema, capacity, self._writers, self._layout, self._declared)
        if self._segment is None or self._seat is None:
            self._segment = SharedSegment.create(
                self._name, bytes_needed(plan), lambda segment: segment.write(plan.head())
            )
            self._segment.serve(self)
            self._seat = WriterSeat(self._segment, self._writers, open_to=True)
            self._name = self._segment.name
        self._seat.check_open()
        self._capacity = capacity
        self._metas = MetaTable(capacity)
        self._shared = SharedRows(plan, self._segment, self._seat, WeakCall(self._retire))
        self._table = self._shared.table

    def _retire(self, slots: np.ndarray) -> None:
        (self.drop if self.retire is None else self.retire)(slots)

    @property
    def _held_rows(self) -> SharedRows:
        if self._shared is None:
            raise BadArgument("There is no memory yet: put the storage into a buffer first.")
        return self._shared

    def target(self) -> None:
        """Names no place to write to directly: a push has to be told to others."""

    # What others wrote, and what is asked before anything changes: for the store.

    def most_at_once(self) -> int:
        """Returns how many items can be put at once."""
        return min(self._held_rows.plan.shares)

    def arrivals(self) -> Arrivals | None:
        """Returns what other processes have written since ``took`` was last told."""
        self.arriving = False  # also where the last time was broken off at that very step
        reader = self._held_rows.reader
        if not self._follows or not reader.behind():
            return None
        return reader.look()

    def took(self, news: Arrivals, lost: int = 0) -> None:
        """Takes note that news are taken in, once; ``lost`` of their rows are not, and count as missed."""
        self._held_rows.reader.took(news, lost)

    def arrived_metas(self, news: Arrivals) -> MetaColumns:
        """Returns the metas of arrived rows."""
        return self._declared.unpack(news.metas)

    def outlived(self, news: Arrivals, oldest: int) -> np.ndarray:
        """Returns the slots of items that news push out; see ``SharedRows.outlived``."""
        return self._held_rows.outlived(news, oldest)

    def lost(self, slots: np.ndarray) -> np.ndarray:
        """Tells of each slot whether its row has been overwritten."""
        return self._held_rows.lost(slots)

    def place(self, slots: np.ndarray, news: Arrivals, which: slice, metas: MetaColumns) -> None:
        """Takes some of the arrived rows into slots."""
        self._held_rows.place(slots, news, which)
        self._metas.put_many(slots, metas)

    def check_meta(self, meta: Mapping[str, Any]) -> None:
        """Raises ``SchemaError`` for a meta that cannot be pushed."""
        self._declared.check(meta)

    def check_metas(self, metas: MetaColumns) -> None:
        """Raises ``SchemaError`` for metas of many that cannot be pushed."""
        self._declared.check_columns(metas)

    def check_own(self, slots: Any) -> None:
        """Raises ``BadArgument`` where the payload of an item is another's to change."""
        self._held_rows.check_own(slots)

    # Items.

    def put(self, slot: int, data: Any, index: str, meta: dict[str, Any]) -> BufferedData:
        """Writes one item for all to see; returns it with the payload it was given."""
        if self._ready is None or self._ready[0] is not data:
            self.check(data, meta)
        _, leaves, _ = self._ready  # type: ignore[misc]
        self._forget()
        self._declared.check(meta)
        self._held_rows.write(slot, leaves, self._declared.pack_one(meta))
        self._metas.put(slot, meta)
        return BufferedData(data, index, meta)

    def put_many(self, slots: np.ndarray, columns: Stacked, rows: slice, metas: MetaColumns) -> None:
        """Writes many items for all to see."""
        leaves, ready, shared = [leaf[rows] for leaf in columns[1]], columns[2], self._held_rows
        self._declared.check_columns(metas)
        packed = self._declared.pack(metas, len(slots))
        shared.write_many(slots, lambda places: shared.table.write_many(places, leaves, ready), packed)
        self._metas.put_many(slots, metas)

    def item(self, slot: int) -> BufferedData:
        """Returns a copy of one item; raises ``Overtaken`` where its row has another one now."""
        table, where = self._held(), np.array([slot])
        leaves = self._held_rows.steady(where, lambda rows: table.row(rows.item(0)))
        payload = table.schema.build(leaves, trees=True)
        return BufferedData(payload, self._names(where)[0], self._metas.row(slot))

    def take(self, slots: Any, repeats: bool = True) -> BufferedBatch:
        """Returns copies of the items of slots, stacked; raises ``Overtaken`` as ``item`` does."""
        asked = np.asarray(slots, dtype=np.int64)
        where = asked.copy()  # the caller's; what names the items stays as it is
        shared = self._held_rows
        schema, leaves = shared.table.schema, shared.steady(asked, shared.table.take)
        meta, absent = self._metas.take(where)
        return BufferedBatch(schema.build(leaves), where, self._names(asked), meta, absent, wrap=self.wrap)

    def read(self, slots: Any, path: tuple[Any, ...]) -> Any:
        """Returns one field of slots; raises ``Overtaken`` as ``item`` does.

        Of a slot without an item it is anything, and while layers are told who came, also of one that is
        written over: it will not be drawn.
        """
        shared, where = self._held_rows, np.asarray(slots, dtype=np.int64)
        held = shared.rows_of(where) >= 0
        if self.arriving or not held.any():
            return shared.table.read(np.maximum(shared.rows_of(where), 0), path)
        if not held.all():
            where = np.where(held, where, where.reshape(-1)[held.argmax()])
        return shared.steady(
            where.reshape(-1), lambda rows: shared.table.read(rows.reshape(where.shape), path)
        )

    def value_of(self, slot: int, path: tuple[Any, ...]) -> Any:
        """Returns one field of one slot, as ``read`` does."""
        return self.read(np.array([slot]), path)[0]

    def write(self, slot: int, data: Any, meta: dict[str, Any] | None) -> None:
        """Replaces the payload for all, where this process wrote it, and the meta for this process."""
        self._forget()
        if data is not None:
            self._held_rows.write_again(slot, self._told_schema.fit(data))
        if meta is not None:
            self._metas.put(slot, meta)

    def drop(self, slots: Any) -> None:
        """Lets go of items in this process."""
        where = np.asarray(slots, dtype=np.int64)
        self._held_rows.release(where)
        self._metas.drop(where)

    def clear(self) -> None:
        """Lets go of everything in this process."""
        self._forget()
        self._metas.clear()
        if self._shared is not None:
            self._shared.release(self._shared.held())

    # State.

    def state_dict(self, slots: Any, copy: bool = True) -> dict[str, Any]:
        """Returns the rows of slots, copied, and what they look like; raises ``Overtaken`` like ``item``."""
        where = np.asarray(slots, dtype=np.int64)
        columns = self._held_rows.steady(where, self._held().state)
        schema = self._told_schema.state()
        return {"schema": schema, "columns": columns, "meta_columns": self._metas.state(where)}

    def content(self, state: Mapping[str, Any], count: int, skipped: int) -> ColumnContent:
        """Reads a state of any storage."""
        content = super().content(state, count, skipped).in_memory()
        self._declared.check_columns(self._shown_to_others(content.metas))
        return content

    def _shown_to_others(self, metas: MetaColumns) -> MetaColumns:
        return {key: column for key, column in metas.items() if key in self._declared.kinds}

    def fill(self, slots: Any, content: ColumnContent, names: Sequence[str]) -> None:
        """Replaces everything in this process; to the others the items are new ones."""
        self.clear()
        slots = np.asarray(slots)
        if content.length:
            shared, metas = self._held_rows, self._shown_to_others(content.metas)
            packed = self._declared.pack(metas, content.length)
            shared.write_many(slots, lambda rows: content.write(shared.table, rows), packed)
            self._metas.put_many(slots, content.metas)

    def still(self, slots: np.ndarray) -> tuple[ColumnStorage, np.ndarray]:
        """Returns a copy in this process's own memory, in the same slots, and the slots it could not copy."""
        made, shared = ColumnStorage(layout=self._layout), self._held_rows
        made._spec = self._spec
        made.bind(self._capacity, self._names)
        columns = shared.table.take(shared.rows_of(slots))
        sound = shared.sound(slots)
        kept, places = slots[sound], np.flatnonzero(sound)
        if len(kept):
            values, absent = self._metas.take(kept)
            metas: MetaColumns = {
                key: (column, ~absent[key] if key in absent else None) for key, column in values.items()
            }
            picked = [column[places] for column in columns]
            made.put_many(kept, (self._told_schema, picked, False), slice(0, len(kept)), metas)
        return made, slots[~sound]

    def stats(self) -> dict[str, Any]:
        """Returns the bytes of this process and those all share, what it writes as, and what it missed."""
        shared = self._shared
        return {
            "bytes": self._metas.nbytes + (0 if shared is None else shared.nbytes),
            "shared_bytes": 0 if self._segment is None else self._segment.size,
            "writer": self.writer,
            "missed": shared.reader.missed if shared and self._follows else 0,
            "overtaken": 0 if shared is None else shared.overtaken,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).attach, (self.name,)

    def __deepcopy__(self, memo: dict[int, Any]) -> ColumnStorage:
        """Is a copy in this process's own memory."""
        return self.still(self._held_rows.held())[0]

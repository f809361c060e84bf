"""The rows of shared memory as the slots of one process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ding_buffer.core.errors import BadArgument, Overtaken
from ding_buffer.storages.column_table import ColumnTable
from ding_buffer.storages.memory_order import fence
from ding_buffer.storages.row_plan import MappedRows, RowPlan
from ding_buffer.storages.row_reader import Arrivals, RowReader
from ding_buffer.storages.row_writer import SERIAL_BITS, WRITING, RowWriter
from ding_buffer.storages.shared_segment import SharedSegment
from ding_buffer.storages.writer_seat import WriterSeat

_TRIES = 100
Retire = Callable[[np.ndarray], None]


class SharedRows:
    """Which row the item of each slot lies in, and how rows are written and read.

    Slots are this process's own, rows are everybody's. ``retire`` is told of slots whose rows are needed for
    new ones.
    """

    def __init__(self, plan: RowPlan, segment: SharedSegment, seat: WriterSeat, retire: Retire) -> None:
        self.plan, self._seat, self._retire = plan, seat, retire
        self._name = segment.name
        self._mapped = MappedRows(plan, segment)
        rows = plan.starts[-1]
        self.table = ColumnTable(plan.schema, rows, plan.row_layout, self._mapped.allocate)
        self.reader = RowReader(self._mapped, plan)
        self._writer: RowWriter | None = None
        # A slot without an item has row -1. What _slot_of says of a row holds where that slot has the row: so
        # nothing needs to be done when an item leaves.
        self._rows = np.full(plan.capacity, -1, dtype=np.int64)
        self._stamps = np.zeros(plan.capacity, dtype=np.int64)
        self._slot_of = np.zeros(rows, dtype=np.int64)
        self.overtaken = 0
        """How many reads failed because a row was written over."""

    @property
    def nbytes(self) -> int:
        """How many bytes of its own this process needs to know what is where."""
        return self._rows.nbytes + self._stamps.nbytes + self._slot_of.nbytes

    def rows_of(self, slots: np.ndarray) -> np.ndarray:
        """Returns the rows of slots."""
        return self._rows.take(slots)

    def held(self) -> np.ndarray:
        """Returns the slots that have an item."""
        return np.flatnonzero(self._rows >= 0)

    def _slots_in(self, rows: np.ndarray) -> np.ndarray:
        """Returns the slots of the items that lie in these rows."""
        slots = self._slot_of.take(rows)
        found = self._rows.take(slots) == rows
        return slots[found] if np.count_nonzero(found) else slots[:0]

    def _map(self, slots: Any, rows: Any, stamps: Any) -> None:
        self._rows[slots] = rows
        self._stamps[slots] = stamps
        self._slot_of[rows] = slots

    def release(self, slots: np.ndarray) -> None:
        """Empties slots; rows that are this process's to use become free."""
        writer = self._writer
        try:
            rows = self._rows.take(slots)
            self._rows[slots] = -1
            if writer is not None:
                if self.plan.writers > 1 or rows.min(initial=0) < 0:
                    rows = rows[(rows >= writer.start) & (rows < writer.stop)]
                writer.give_back(rows)
        except BaseException:
            self._begin_anew()
            raise

    # Writing.

    def _ready(self, slots: np.ndarray) -> RowWriter:
        """Returns the writer, with enough free rows for what is to lie in these slots."""
        self._seat.check_open()
        number = self._seat.needed()
        writer = self._writer
        if writer is None or writer.number != number:
            writer = self._writer = self._begin(number)
        self.release(slots)
        short = len(slots) + writer.spare - writer.free
        if short > 0:
            held = self._slots_in(np.arange(writer.start, writer.stop))
            oldest = np.argsort(self._stamps[held], kind="stable")
            self._retire(held[oldest[: max(short, writer.share // 16)]])
        return writer

    def _begin(self, number: int) -> RowWriter:
        begin, end = self.plan.starts[number], self.plan.starts[number + 1]
        held = self._rows[self._slots_in(np.arange(begin, end))]
        writer = RowWriter(self._mapped, self.plan, number, held)
        self.reader.succeed(number, writer.serial)
        return writer

    def _begin_anew(self) -> None:
        """After a change that was broken off: which rows are free follows from which are held."""
        writer, self._writer = self._writer, None
        if writer is not None:
            # What others were told of all the same this process has let go of.
            self.reader.note(writer.number, self._mapped.written.item(writer.number))

    def write(self, slot: int, leaves: Sequence[Any], metas: np.ndarray) -> None:
        """Writes one item for all to see; ``metas`` is a row of ``DeclaredMeta``."""
        try:
            writer = self._ready(np.array([slot]))
            row, stamp = writer.begin_one()
            self.table.write(row, leaves)
            if len(metas):
                self._mapped.metas[row] = metas
            writer.finish_one(row, stamp)
            self.reader.note(writer.number, writer.serial)
            self._map(slot, row, stamp)
        except BaseException:
            self._begin_anew()
            raise

    def write_many(self, slots: np.ndarray, write: Callable[[np.ndarray], None], metas: np.ndarray) -> None:
        """Writes many items: ``write`` is given the rows to write to."""
        try:
            writer = self._ready(slots)
            rows, stamps = writer.begin(len(slots))
            write(rows)
            if metas.shape[1]:
                self._mapped.metas[rows] = metas
            writer.finish(rows, stamps)
            self.reader.note(writer.number, writer.serial)
            self._map(slots, rows, stamps)
        except BaseException:
            self._begin_anew()
            raise

    def write_again(self, slot: int, leaves: Sequence[Any]) -> None:
        """Replaces the payload of an item that this process wrote."""
        self.check_own([slot])
        row = self._rows.item(slot)
        stamp = self._own().begin_again(row)
        self.table.write(row, leaves)
        self._own().finish_again(row, stamp)
        self._stamps[slot] = stamp

    def _own(self) -> RowWriter:
        number = self._seat.number
        if number is None or self._writer is None or self._writer.number != number:
            raise BadArgument("This process has written nothing.")
        return self._writer

    def check_own(self, slots: Any) -> None:
        """Raises ``BadArgument`` where the payload of an item is another's to change."""
        me = self._seat.number
        own = range(0) if me is None else range(self.plan.starts[me], self.plan.starts[me + 1])
        for row in self._rows[np.asarray(slots, dtype=np.int64)].tolist():
            if row not in own:
                owner = int(np.searchsorted(self.plan.starts, row, side="right")) - 1
                raise BadArgument(
                    f"The item was pushed by writer {owner}, who alone can change its payload; this process "
                    f"{'only reads' if me is None else f'is writer {me}'}. Metas can be changed, for this "
                    f"process: update(index, meta=...)."
                )
        if me is not None and (self._writer is None or self._writer.number != me):
            self._writer = self._begin(me)

    # What others wrote.

    def outlived(self, news: Arrivals, oldest: int) -> np.ndarray:
        """Returns the slots of items that news push out: too old, or their row has another one now.

        ``oldest`` is the slot of the oldest item for which there is room, -1 where all must go.
        """
        replaced = self._slots_in(news.touched)
        if not len(news.outlived):
            return replaced
        # Of one writer the oldest item is the one with the lowest stamp.
        if self.plan.writers == 1 and (oldest < 0 or self._stamps.item(oldest) >= news.least.item(0)):
            return replaced
        old = self._slot_of.take(news.outlived)
        old = old[(self._rows.take(old) == news.outlived) & (self._stamps.take(old) < news.least)]
        gone = np.sort(np.concatenate((replaced, old)))
        return gone[np.diff(gone, prepend=-1) > 0]

    def place(self, slots: np.ndarray, news: Arrivals, which: slice) -> None:
        """Takes some of the arrived rows into slots."""
        if self._writer is not None:
            self.release(slots)
        self._map(slots, news.rows[which], news.stamps[which])

    # Reading.

    def steady(self, slots: np.ndarray, read: Callable[[np.ndarray], Any]) -> Any:
        """Returns what ``read`` makes of the rows of slots, none of which changed meanwhile.

        Raises ``Overtaken`` where one has another item now.
        """
        rows, versions = self._rows.take(slots), self._mapped.versions
        expected = found = self._stamps.take(slots)
        for _ in range(_TRIES):
            made = read(rows)
            fence()
            # A row is marked before it is changed, and no stamp comes twice: so it had not changed either
            # when it was read.
            found = versions.take(rows)
            if not np.count_nonzero(found != expected):  # cheaper than all()
                return made
            if (found >> SERIAL_BITS != expected >> SERIAL_BITS).any():
                break
            # The same items, but a payload was replaced, or is being replaced right now.
            settled = found & WRITING == 0
            self._stamps[slots[settled]] = found[settled]
            expected = self._stamps.take(slots)
        others = found >> SERIAL_BITS != expected >> SERIAL_BITS
        # Or somebody died while replacing a payload.
        gone = np.unique(slots[others] if others.any() else slots[found & WRITING != 0])
        self.overtaken += 1
        raise Overtaken(
            f"{len(gone)} rows of {self._name!r} were written over while they were read. If this is raised "
            f"often, the buffer is too small for how fast others write.",
            gone,
        )

    def lost(self, slots: np.ndarray) -> np.ndarray:
        """Tells of each slot whether its row has another item now, or is being given one."""
        versions = self._mapped.versions.take(self._rows.take(slots))
        gone: np.ndarray = versions >> SERIAL_BITS != self._stamps.take(slots) >> SERIAL_BITS
        return gone

    def sound(self, slots: np.ndarray) -> np.ndarray:
        """Tells of each slot whether what was just read of its row is its item."""
        fence()
        made: np.ndarray = self._mapped.versions.take(self._rows.take(slots)) == self._stamps.take(slots)
        return made

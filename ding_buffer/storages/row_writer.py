"""Writes the rows of one writer into shared memory."""

from __future__ import annotations

import numpy as np

from ding_buffer.storages.memory_order import fence
from ding_buffer.storages.row_plan import MappedRows, RowPlan

SERIAL_BITS = 16
"""A stamp is the number of a row, plus one, shifted by this."""
WRITING = 1
REWRITTEN = 2


class RowWriter:
    """The rows a writer owns: which are free, and how one is written so that no reader takes it half done.

    A row that is given back is used again after all that were free before: so its old content stays readable
    as long as can be. ``held`` are the rows, of those already written, that are in use.
    """

    def __init__(self, mapped: MappedRows, plan: RowPlan, writer: int, held: np.ndarray) -> None:
        self._mapped, self.number = mapped, writer
        self.start, self.stop = plan.starts[writer], plan.starts[writer + 1]
        self.share = plan.shares[writer]
        size = self.stop - self.start
        self.spare = size - self.share
        self.serial = int(mapped.written[writer])
        versions = mapped.versions[self.start : self.stop]
        # The newest at the end; what somebody who died was writing is nobody's.
        order = np.argsort(np.where(versions & WRITING, -1, versions), kind="stable") + self.start
        free = order[~np.isin(order, held)]
        self._queue = np.zeros(size, dtype=np.int64)
        self._queue[: len(free)] = free
        self._head, self.free = 0, len(free)

    def owns(self, row: int) -> bool:
        """Tells whether a row is this writer's."""
        return self.start <= row < self.stop

    def give_back(self, rows: np.ndarray) -> None:
        """Takes rows that are no longer in use."""
        size = len(self._queue)
        end = (self._head + self.free) % size
        if end + len(rows) <= size:
            self._queue[end : end + len(rows)] = rows
        else:
            self._queue[np.arange(end, end + len(rows)) % size] = rows
        self.free += len(rows)

    def begin(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns as many free rows to write to, and the stamps they will have."""
        size = len(self._queue)
        end = self._head + count
        if end <= size:
            rows = self._queue[self._head : end].copy()
        else:
            rows = self._queue[np.arange(self._head, end) % size]
        stamps = np.arange(self.serial + 1, self.serial + 1 + count) << SERIAL_BITS
        self._mapped.versions[rows] = stamps | WRITING
        fence()
        self._head, self.free = end % size, self.free - count  # both or none, if broken off
        return rows, stamps

    def finish(self, rows: np.ndarray, stamps: np.ndarray) -> None:
        """Says that these rows are written: from now on readers find them."""
        mapped, count, size = self._mapped, len(rows), len(self._queue)
        fence()
        mapped.versions[rows] = stamps
        begin = self.serial % size
        if begin + count <= size:
            mapped.log[self.start + begin : self.start + begin + count] = rows
        else:
            mapped.log[self.start + np.arange(begin, begin + count) % size] = rows
        fence()
        self.serial += count
        mapped.written[self.number] = self.serial

    def begin_one(self) -> tuple[int, int]:
        """Does ``begin`` for one row."""
        row, stamp = self._queue.item(self._head), (self.serial + 1) << SERIAL_BITS
        self._mapped.versions[row] = stamp | WRITING
        fence()
        self._head, self.free = (self._head + 1) % len(self._queue), self.free - 1
        return row, stamp

    def finish_one(self, row: int, stamp: int) -> None:
        """Does ``finish`` for one row."""
        mapped = self._mapped
        fence()
        mapped.versions[row] = stamp
        mapped.log[self.start + self.serial % len(self._queue)] = row
        fence()
        self.serial += 1
        mapped.written[self.number] = self.serial

    def begin_again(self, row: int) -> int:
        """Begins to replace the payload of a row that is there; returns the stamp it will have."""
        stamp = int(self._mapped.versions[row]) & ~WRITING
        self._mapped.versions[row] = stamp | WRITING
        fence()
        # After so many replacements the first stamp comes again; nobody reads one row as long as that.
        number = stamp >> SERIAL_BITS << SERIAL_BITS
        return number | ((stamp + REWRITTEN) & ((1 << SERIAL_BITS) - 1))

    def finish_again(self, row: int, stamp: int) -> None:
        """Says that the payload is replaced."""
        fence()
        self._mapped.versions[row] = stamp

"""Finds what other processes have written into shared memory."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ding_buffer.storages.memory_order import fence
from ding_buffer.storages.row_plan import MappedRows, RowPlan
from ding_buffer.storages.row_writer import SERIAL_BITS, WRITING

_TRIES = 100


class Arrivals(NamedTuple):
    """Rows that are new to this process, in the order in which they count as pushed.

    ``stamps`` are the versions they were seen in, ``metas`` their declared metas. ``touched`` are all rows
    that were written to, those that nobody will see any more included. ``outlived`` are rows that may hold
    what is too old now, and ``least`` for each the stamp from which on it is not. ``missed`` counts what was
    overwritten before it was looked at, and ``written`` is up to where this look goes, for each writer.
    """

    rows: np.ndarray
    stamps: np.ndarray
    metas: np.ndarray
    touched: np.ndarray
    outlived: np.ndarray
    least: np.ndarray
    missed: int
    written: np.ndarray


class RowReader:
    """Remembers up to which row of each writer this process has looked."""

    def __init__(self, mapped: MappedRows, plan: RowPlan) -> None:
        self._mapped = mapped
        self._shares, self._starts = plan.shares, plan.starts
        # What had its time before this process came is not news, and was not missed.
        self.seen = np.maximum(mapped.written - np.array(self._shares), 0)
        self._noted = self.seen.tobytes()
        self._untaken: Arrivals | None = None
        self.missed = 0
        """How many rows this process did not take in: mostly they were overwritten before it looked."""

    def behind(self) -> bool:
        """Tells whether there is anything new."""
        behind: bool = self._mapped.written.tobytes() != self._noted
        return behind

    def note(self, writer: int, serial: int) -> None:
        """Takes note of what this process wrote itself."""
        self.seen[writer] = serial
        self._noted = self.seen.tobytes()

    def succeed(self, writer: int, serial: int) -> None:
        """Takes note that this process is the writer from now on, and will not look at what was written."""
        self.missed += max(0, serial - self.seen.item(writer))
        self.note(writer, serial)

    def took(self, news: Arrivals, lost: int = 0) -> None:
        """Takes note of the last look, once: its rows are taken in, but for ``lost`` ones."""
        if self._untaken is news:
            seen = np.maximum(self.seen, news.written)  # a layer that was told of them may have pushed
            noted, missed = seen.tobytes(), self.missed + news.missed + lost
            # In one statement: if broken off before, they are news again, and after it they never are.
            self.seen, self._noted, self.missed, self._untaken = seen, noted, missed, None

    def look(self) -> Arrivals:
        """Returns what is new, and what that pushes out; the same again until ``took`` is told."""
        written = self._mapped.written.copy()
        fence()
        parts = [
            self._read(writer, self.seen.item(writer), written)
            for writer in range(len(self._shares))
            if written.item(writer) != self.seen.item(writer)
        ]
        news = self._untaken = parts[0] if len(parts) == 1 else _joined(parts)
        return news

    def _read(self, writer: int, since: int, written: np.ndarray) -> Arrivals:
        done = written.item(writer)
        share, size = self._shares[writer], self._starts[writer + 1] - self._starts[writer]
        first = max(since, done - share)
        rows = self._logged(writer, first, done)
        touched = rows if first == since else self._logged(writer, max(since, done - size), done)
        # The log reaches back to where rows were touched: what was older lay in one of those.
        outlived = self._logged(writer, max(0, since - share, done - size), max(0, done - share))
        least = np.empty(len(outlived), dtype=np.int64)
        least.fill(max(0, done - share + 1) << SERIAL_BITS)
        missed = first - since
        sound, stamps, metas = self._fetched(
            rows, np.arange((first + 1) << SERIAL_BITS, (done + 1) << SERIAL_BITS, 1 << SERIAL_BITS)
        )
        if sound is not None:
            missed += int(np.count_nonzero(~sound))
            rows, stamps, metas = rows[sound], stamps[sound], metas[sound]
        return Arrivals(rows, stamps, metas, touched, outlived, least, missed, written)

    def _logged(self, writer: int, begin: int, end: int) -> np.ndarray:
        """Returns the rows of these serials."""
        start, size = self._starts[writer], self._starts[writer + 1] - self._starts[writer]
        first = start + begin % size
        if first + end - begin <= start + size:
            rows: np.ndarray = self._mapped.log[first : first + max(0, end - begin)].copy()
        else:
            rows = self._mapped.log[start + np.arange(begin, end) % size]
        return rows

    def _fetched(
        self, rows: np.ndarray, expected: np.ndarray
    ) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
        """Returns which rows still are what was expected (None: all), their versions and their metas."""
        mapped = self._mapped
        for _ in range(_TRIES):
            metas = mapped.metas.take(rows, axis=0)
            fence()
            # Nothing else than the serial, or a payload replaced since: see ``SharedStorage._steady``.
            stamps = mapped.versions.take(rows)
            if not np.count_nonzero(stamps != expected):  # cheaper than all()
                return None, stamps, metas
            same = stamps >> SERIAL_BITS == expected >> SERIAL_BITS
            busy = same & (stamps & WRITING != 0)
            if not busy.any():
                break
        return same & ~busy, stamps, metas


def _joined(parts: list[Arrivals]) -> Arrivals:
    """Returns the news of several writers as one."""
    rows, stamps, metas, *others = (np.concatenate(columns) for columns in list(zip(*parts, strict=True))[:6])
    # Nobody knows who was earlier: as if all had pushed evenly since the last look.
    times = [(np.arange(len(part.rows)) + 0.5) / max(1, len(part.rows)) for part in parts]
    order = np.argsort(np.concatenate(times), kind="stable")
    touched, outlived, least = others
    return Arrivals(
        *(rows[order], stamps[order], metas[order], touched, outlived, least),
        missed=sum(part.missed for part in parts),
        written=parts[0].written,
    )

"""Where the thread that trains finds data."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from os import PathLike
from pathlib import Path
from typing import Any, Generic

import numpy as np

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.buffers.snapshot import write_snapshot
from ding_buffer.core.errors import BadArgument, CorruptSnapshot
from ding_buffer.core.lock import FairLock
from ding_buffer.pipeline.data_buffer import DataBuffer
from ding_buffer.pipeline.data_collector import DataCollector
from ding_buffer.pipeline.layered_buffer import LayeredBuffer
from ding_buffer.pipeline.mark import Mark
from ding_buffer.pipeline.persistent_state import PersistentStateMixin
from ding_buffer.pipeline.plain_pickle import read_plain_pickle
from ding_buffer.pipeline.state_files import new_directory, open_state
from ding_buffer.pipeline.timestamping_queue import TimestampingQueue
from ding_buffer.pipeline.type_parameters import T
from ding_buffer.structures.clock import Clock

_BUFFER, _TIMES, _ORIGINAL_TIMES = "buffer", "timestamps.snapshot", "timestamps.pkl"


class DataUser(PersistentStateMixin, Generic[T]):
    """Puts what its collector was given into a buffer, and hands out what the buffer holds.

    ``buffer`` is a ``DataBuffer``, or a ``DequeBuffer`` with any layers. Data arrives when ``update`` is
    called; with ``auto_update`` ``get_data`` and ``sample`` call it first. None, the default: they do unless
    the buffer has ``collecting_data_names``, as in PAMIQ-Core. ``clock`` stamps what is collected. Safe to
    use from many threads.
    """

    def __init__(
        self,
        buffer: DataBuffer[T, Any] | DequeBuffer,
        auto_update: bool | None = None,
        *,
        clock: Clock = time.time,
    ) -> None:
        if not isinstance(buffer, (DataBuffer, DequeBuffer)):
            raise BadArgument(f"A DataUser needs a DataBuffer or a DequeBuffer, got {type(buffer).__name__}.")
        self._buffer = LayeredBuffer(buffer) if isinstance(buffer, DequeBuffer) else buffer
        by_field = self._buffer.field_rows is not None and not self._buffer.exact_keys
        self._auto_update = not by_field if auto_update is None else auto_update
        self._clock = clock
        self._lock = FairLock()
        self._reading: AbstractContextManager[Any] = (
            nullcontext() if self._buffer.has_own_lock else self._lock
        )
        self._timestamps: deque[float] = deque(maxlen=self._buffer.max_queue_size)
        self._ascending = True
        self._added = self._rejected = 0
        self._name = secrets.token_hex(8)  # tells its marks from those of others
        self._collector: DataCollector[T] = DataCollector(self)

    @property
    def buffer(self) -> DataBuffer[T, Any]:
        """The buffer that is filled; a ``DequeBuffer`` is the ``buffer`` of it."""
        return self._buffer

    @property
    def collector(self) -> DataCollector[T]:
        """Where data for this user is left; of several components only one shall use it."""
        return self._collector

    def create_empty_queues(self) -> TimestampingQueue[Any]:
        """Returns a queue for what is collected."""
        return self._buffer.make_queue(self._clock)

    def update(self) -> None:
        """Puts what was collected since the last call into the buffer, in order.

        An item that the buffer refuses is left out and counted; the others go in all the same, and then the
        first refusal is raised. Where Ctrl-C breaks it off, what has not had its turn is pending again; the
        item that had it counts as rejected, though it may be in.
        """
        refusal = self._fetch()
        if refusal is not None:
            raise refusal

    def _fetch(self) -> Exception | None:
        """Adds what is pending, as far as the buffer takes it, and returns the first refusal."""
        with self._lock:  # before anything else: what another thread is adding is in when this returns
            if not self._collector.pending:
                return None
            try:
                return self._add(self._collector._move_data())
            except BaseException:
                self._collector._put_back()
                raise

    def _add(self, queue: TimestampingQueue[Any]) -> Exception | None:
        refusal, known = None, len(queue) + self._added + self._rejected
        try:
            while queue:
                refused = self._add_one(*queue.popleft())
                refusal = refusal or refused
        finally:
            self._rejected = known - len(queue) - self._added
        return refusal

    def _add_one(self, data: Any, stamp: float) -> Exception | None:
        try:
            self._buffer.add(data)
        except Exception as error:  # noqa: BLE001  (raised when the others are in)
            return error
        if self._timestamps and stamp < self._timestamps[-1]:
            self._ascending = False
        self._timestamps.append(stamp)
        self._added += 1
        return None

    def get_data(self) -> Any:
        """Returns all items the buffer holds, in a container of the caller's own."""
        if self._auto_update:
            self.update()
        with self._reading:
            return self._buffer.get_data()

    def sample(self, batch_size: int, **query: Any) -> Any:
        """Returns as many random items, without a copy of all the others.

        Their form is that of ``get_data``; of a ``DequeBuffer`` they are what its ``sample`` returns, with
        index and meta. Raises ``NotEnoughItems`` where there are fewer.
        """
        if self._auto_update:
            self.update()
        with self._reading:
            return self._buffer.sample(batch_size, **query)

    def __len__(self) -> int:
        return len(self._buffer)

    @property
    def added(self) -> int:
        """How many items ever came into the buffer through ``update``; never runs backwards."""
        return self._added

    def mark(self) -> Mark:
        """Returns this moment, for ``count_data_added_since`` to count from exactly."""
        with self._lock:
            return Mark(self._clock(), self._added, self._name)

    def count_data_added_since(self, timestamp: float) -> int:
        """Returns how many items of the buffer were collected after a time.

        Items stamped with this very time do not count, nor do more than the collector has room for. From a
        ``mark()`` of this user on every item that came into the buffer counts, once, however the clock
        stands.
        """
        with self._lock:
            if isinstance(timestamp, Mark) and timestamp.maker == self._name:
                return self._added - timestamp.added
            if not self._ascending:  # somebody set the clock back
                return sum(stamp > timestamp for stamp in self._timestamps)
            for count, stamp in enumerate(reversed(self._timestamps)):
                if stamp <= timestamp:
                    return count
            return len(self._timestamps)

    def stats(self) -> dict[str, int]:
        """Returns how many items are held and pending, and how many were added, dropped and rejected.

        What was collected is dropped where nobody calls ``update`` in time, rejected where the buffer refuses
        it.
        """
        with self._lock:
            return {
                "size": len(self._buffer),
                "pending": self._collector.pending,
                "added": self._added,
                "dropped": self._collector.dropped,
                "rejected": self._rejected,
            }

    def save_state(self, path: str | PathLike[str]) -> None:
        """Adds what is pending, then writes buffer and times to a new directory, which appears when whole.

        An item that the buffer refuses now is counted, and no reason to save nothing.
        """
        with self._lock:
            self._fetch()
            with new_directory(path) as directory:
                self._buffer.save_state(directory / _BUFFER)
                times = np.array(self._timestamps, dtype=np.float64)
                write_snapshot(directory / _TIMES, {"timestamps": times})

    def load_state(self, path: str | PathLike[str]) -> None:
        """Takes back what ``save_state`` wrote, or what PAMIQ-Core's wrote.

        What is pending is dropped and counted: it belongs to another run. Nothing changes where a file does
        not fit (``CorruptSnapshot``) or is not there.
        """
        directory = Path(path)
        with self._lock:
            times = _read_times(directory)
            self._buffer.load_state(directory / _BUFFER)
            self._timestamps = deque(times, maxlen=self._timestamps.maxlen)
            self._ascending = times == sorted(times)
            self._collector._discard()

    @contextmanager
    def _restoring(self) -> Iterator[None]:
        """Takes back its state, and what is pending, where the block raises; collectors wait meanwhile."""
        with self._lock, self._collector._lock, self._buffer._restoring():
            mine, its = vars(self).copy(), vars(self._collector).copy()
            try:
                yield
            except BaseException:
                vars(self).update(mine)
                vars(self._collector).update(its)
                raise


def _read_times(directory: Path) -> list[float]:
    ours, original = directory / _TIMES, directory / _ORIGINAL_TIMES
    if ours.is_file():
        with open_state(ours, "timestamps") as state:
            found = state["timestamps"]
    elif original.is_file():
        found = read_plain_pickle(original)
    else:
        raise FileNotFoundError(f"{directory} is no state of a data user: there is no {ours.name} in it.")
    try:
        return [float(stamp) for stamp in found]
    except (OverflowError, TypeError, ValueError) as error:
        raise CorruptSnapshot(f"{directory}: the times are no numbers: {error}.") from error

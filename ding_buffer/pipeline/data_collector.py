"""Where the thread that produces data leaves it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, Protocol

from ding_buffer.core.lock import FairLock
from ding_buffer.pipeline.timestamping_queue import TimestampingQueue
from ding_buffer.pipeline.type_parameters import StepData, T
from ding_buffer.structures.clock import Clock


class MakesQueues(Protocol):
    """What a collector needs of its ``DataUser``."""

    def create_empty_queues(self) -> TimestampingQueue[Any]:
        """Returns an empty queue."""


class DataCollector(Generic[T]):
    """Takes data in one thread, for a ``DataUser`` to fetch in another.

    Made by a ``DataUser``; get it by ``DataCollectorsDict.acquire``. ``DataCollector(max_queue_size)`` makes
    one that stands alone, for any elements.
    """

    def __init__(self, user: MakesQueues | int | None = None, *, clock: Clock = time.time) -> None:
        self._new_queue: Callable[[], TimestampingQueue[Any]] = (
            partial(TimestampingQueue, user, clock=clock)
            if user is None or not hasattr(user, "create_empty_queues")
            else user.create_empty_queues
        )
        self._lock = FairLock()
        self._queues, self._moved = self._new_queue(), self._new_queue()
        self._dropped = 0

    def collect(self, step_data: T | StepData[T]) -> None:
        """Leaves one item and the present time; a mapping is copied, not what it holds.

        Where the buffer has named fields, of which each holds a ``T``, one that is missing raises a
        ``KeyError``, here and not in the thread that trains; with exact keys another mapping raises a
        ``ValueError``. Nothing of it is kept. When as many items are pending as may be, the oldest of them
        goes and is counted.
        """
        with self._lock:
            self._queues.append(step_data)

    @property
    def pending(self) -> int:
        """How many items nobody has fetched yet."""
        return len(self._queues)

    @property
    def dropped(self) -> int:
        """How many items went before anybody fetched them."""
        with self._lock:
            return self._dropped + self._moved.dropped + self._queues.dropped

    def _move_data(self) -> TimestampingQueue[Any]:
        """Returns the queue of what is pending, and goes on with an empty one."""
        empty = self._new_queue()
        with self._lock:
            dropped = self._dropped + self._moved.dropped
            # At once: Ctrl-C comes before all of it or after.
            self._dropped, self._moved, self._queues = dropped, self._queues, empty
            return self._moved

    def _put_back(self) -> None:
        """Takes back what is left of the queue moved last, ahead of what came since."""
        empty = self._new_queue()
        with self._lock:
            self._moved.take_over(self._queues)
            self._queues, self._moved = self._moved, empty

    def _discard(self) -> None:
        """Drops what is pending, and counts it."""
        empty = self._new_queue()
        with self._lock:
            self._dropped += self._queues.dropped + len(self._queues)
            self._queues = empty

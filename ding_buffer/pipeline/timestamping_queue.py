"""What was collected and is not in the buffer yet, each with the time it was collected."""

from __future__ import annotations

import copy
import time
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Generic

from ding_buffer.core.errors import NoSuchPosition
from ding_buffer.core.number_checks import check_whole
from ding_buffer.pipeline.type_parameters import T
from ding_buffer.structures.clock import Clock


class TimestampingQueue(Generic[T]):
    """A first-in-first-out queue of at most ``max_len`` elements (None: any number).

    A full one lets the oldest go, and counts it. A mapping is copied, not what it holds: whoever hands one
    in may use it again. Not safe to use from several threads at once.
    """

    def __init__(self, max_len: int | None = None, *, clock: Clock = time.time) -> None:
        if max_len is not None:
            check_whole("max_len", max_len, 0)
        self._pending: deque[tuple[Any, float]] = deque(maxlen=max_len)
        self._clock = clock
        self.dropped = 0
        """How many elements went because there was no room."""

    def append(self, element: T) -> None:
        """Adds an element and the present time."""
        self._append(own(element))

    def _append(self, kept: Any) -> None:
        entry, pending = (kept, self._clock()), self._pending
        if len(pending) == pending.maxlen:
            self.dropped += 1
        pending.append(entry)

    def popleft(self) -> tuple[T, float]:
        """Returns the oldest element and its time; raises an ``IndexError`` where there is none."""
        try:
            return self._pending.popleft()
        except IndexError:
            raise NoSuchPosition("Nothing is in the queue.") from None

    def take_over(self, newer: TimestampingQueue[T]) -> None:
        """Adds all that another queue holds, with the times it has, and what it has dropped."""
        count = len(self) + len(newer)
        self._pending.extend(newer._pending)
        self.dropped += newer.dropped + count - len(self)

    def __len__(self) -> int:
        return len(self._pending)


def own(element: Any) -> Any:
    """Returns a shallow copy of a mapping, anything else as it is."""
    if type(element) is dict:
        return element.copy()
    if not isinstance(element, Mapping):
        return element
    return dict(element) if isinstance(element, MappingProxyType) else copy.copy(element)

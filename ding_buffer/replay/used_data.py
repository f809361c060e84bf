"""Payloads that name a file, from the buffer to whoever removes the files."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.item import BufferedData
from ding_buffer.replay.used_data_remover import UsedDataRemover

_LOG = logging.getLogger("ding_buffer")


class UsedData:
    """Hands every payload that left a buffer to a ``UsedDataRemover``.

    What was deleted, because it was used often enough or became stale, may just have been sampled, and its
    file is still to be read: it is handed over once as many items were pushed as the buffer has room for,
    which is when its place would have been taken over at the latest, or when the buffer is closed.
    """

    def __init__(self, capacity: int, remover: UsedDataRemover) -> None:
        self.remover = remover
        self.refused = 0
        """How many payloads named no file that may be removed when they left."""
        self._capacity = capacity
        self._pushed = 0
        self._held: deque[tuple[int, Any]] = deque()  # when it is due, oldest first
        self._lock = threading.Lock()  # items are handed over when the buffer's own is free

    def check(self, items: Iterable[Any]) -> None:
        """Raises ``BadArgument`` for a payload that names no file, or one that may not be removed."""
        for item in items:
            self.remover.path_of(item)

    def left(self, items: Sequence[BufferedData], reason: str) -> None:
        """Takes items that left the buffer."""
        with self._lock:
            if reason == "deleted":
                due = self._pushed + self._capacity
                self._held += [(due, item.data) for item in items]
            else:
                self._hand_over(item.data for item in items)

    def pushed(self, count: int) -> None:
        """Notes that items were pushed, and hands over what that makes due."""
        with self._lock:
            self._pushed += count
            while self._held and self._held[0][0] <= self._pushed:
                self._hand_over([self._held.popleft()[1]])

    def close(self) -> None:
        """Hands everything over and waits until it is removed."""
        with self._lock:
            self._hand_over(payload for _, payload in self._held)
            self._held.clear()
        self.remover.close()

    def _hand_over(self, payloads: Iterable[Any]) -> None:
        for payload in payloads:
            self._hand_over_one(payload)

    def _hand_over_one(self, payload: Any) -> None:
        try:
            self.remover.add_used_data(payload)
        except BadArgument as error:
            # It was checked when it came: somebody has changed it since, or it came with a state.
            self.refused += 1
            _LOG.warning("A file of used data stays: %s", error)

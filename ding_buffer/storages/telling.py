"""Who is told of what happens to items, and when."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from ding_buffer.core.chain import Middleware
from ding_buffer.storages.listeners import Listeners
from ding_buffer.storages.mending import mend
from ding_buffer.storages.storage import Storage
from ding_buffer.structures.group_index import GroupIndex
from ding_buffer.structures.ring_index import RingIndex


class Telling(ABC):
    """Tells layers of events, and wakes those who wait for one."""

    capacity: int
    storage: Storage
    ring: RingIndex
    groups: dict[str, GroupIndex]
    listeners: Listeners
    condition: threading.Condition
    _waiting: int

    @abstractmethod
    def _notice(self) -> None:
        """Notes whom a push concerns."""

    @abstractmethod
    def mended(self, fewer: bool) -> None:
        """Lets everybody look at the store anew."""

    def attach(self, layer: Middleware) -> None:
        """Tells a layer of every event from now on."""
        self.listeners.attach(layer)
        self._notice()

    def dismiss(self, layer: Middleware) -> None:
        """Tells a layer of no more events, at the next event at the latest; needs no lock."""
        self.listeners.dismiss(layer)

    def tell(self, event: str, *what: Any) -> None:
        """Tells the layers that follow an event, and wakes whoever waits for a change."""
        if self.listeners and self.listeners.tell(event, *what):
            self._notice()
        if self._waiting:
            self.condition.notify_all()

    def catch_up(self) -> None:
        """Tells layers of the pushes they have not heard of: whenever somebody takes the lock."""
        ring = self.ring
        count = ring.unheard
        if not count:
            return
        try:
            slots, room = ring.newest(count), count - ring.displaced
            ring.unheard = ring.displaced = 0
            if room:
                self.tell("on_filled", slots[:room])
            if room < count:
                self.tell("on_evicted", slots[room:])
                self.tell("on_filled", slots[room:])
        except BaseException:
            ring.unheard = ring.displaced = 0
            mend(self)
            raise

    def wait_for(self, ready: Callable[[], bool], timeout: float | None = None) -> bool:
        """Waits, without the lock, until ``ready()`` after some event or until ``timeout`` seconds.

        Returns whether it is ready.
        """
        self._waiting += 1
        self._notice()
        try:
            return self.condition.wait_for(ready, timeout)
        finally:
            self._waiting -= 1
            self._notice()

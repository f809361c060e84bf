"""The shortest way to push, for every buffer on one store."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Protocol

from ding_buffer.core.item import BufferedData
from ding_buffer.core.lock import FairLock
from ding_buffer.kernels.chosen import FastPush
from ding_buffer.storages.storage import Storage
from ding_buffer.structures.index_text import IndexText
from ding_buffer.structures.ring_index import RingIndex


class PushedInto(Protocol):
    """What a store is to a push."""

    storage: Storage
    ring: RingIndex
    text: IndexText
    lock: FairLock

    def push(self, data: Any, meta: dict[str, Any] | None) -> BufferedData:
        """Stores one item; the caller holds the lock."""


class QuickPushes:
    """A ``FastPush`` for each buffer without a layer around ``push``, open while nobody else is concerned.

    It does all that a push does where no layer, group or waiter wants to know; for any other it calls the
    buffer's own method. It holds its buffer weakly: dropping a buffer frees it at once.
    """

    def __init__(self) -> None:
        self._owners: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        self._target: Any = None
        self._ring: RingIndex | None = None

    def make(self, store: PushedInto, owner: Any) -> Callable[..., Any] | None:
        """Returns the function for a buffer, None while the storage has no place to write to directly."""
        self._owners[owner] = None
        if self._target is None:
            return None
        made = FastPush(
            store.ring, store.lock, BufferedData, _method_of(store, weakref.ref(owner)), self._target
        )
        made.prefix = store.text.prefix
        made.alone = self._open
        self._owners[owner] = made
        push: Callable[..., Any] = made.push
        return push

    def leave(self, owner: Any) -> None:
        """Closes the function of a buffer that a layer now stands before; whoever kept it is sent round."""
        made = self._owners.pop(owner, None)
        if made is not None:
            made.alone = False

    def arrange(self, store: PushedInto, unheard: bool) -> None:
        """Opens or closes all of them; makes them anew where there is other memory to write to."""
        target = store.storage.target()
        self._open = unheard and target is not None
        if target is not self._target or store.ring is not self._ring:
            self._target, self._ring = target, store.ring
            for owner, made in list(self._owners.items()):
                if made is not None:
                    made.alone = False
                owner.quicken()
        for made in self._owners.values():
            if made is not None:
                made.alone = self._open
                made.prefix = store.text.prefix


def _method_of(store: PushedInto, owner: weakref.ref[Any]) -> Callable[..., Any]:
    def push(data: Any, meta: dict[str, Any] | None = None) -> Any:
        buffer = owner()
        if buffer is not None:
            return type(buffer).push(buffer, data, meta)
        # As in ``buffer.view().push(data)``: the view is gone before the call, and so are its layers.
        with store.lock:
            return store.push(data, meta)

    return push

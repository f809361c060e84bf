"""The shortest ways to push, one item or many, for every buffer on one store."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.chain import Layer, can_say, overrides, speaks_for_many
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.core.item import BufferedData
from ding_buffer.core.lock import FairLock
from ding_buffer.core.quick_parts import PushParts
from ding_buffer.kernels.chosen import FastExtend, FastPush
from ding_buffer.storages.listeners import Listeners
from ding_buffer.storages.storage import Storage
from ding_buffer.structures.index_text import IndexText
from ding_buffer.structures.later_serials import LaterSerials
from ding_buffer.structures.ring_index import RingIndex


class PushedInto(Protocol):
    """What a store is to a push."""

    storage: Storage
    ring: RingIndex
    text: IndexText
    lock: FairLock
    listeners: Listeners

    def push(self, data: Any, meta: dict[str, Any] | None) -> BufferedData:
        """Stores one item; the caller holds the lock."""

    def extend(self, batch: Any, meta: Any) -> Any:
        """Stores many; the caller holds the lock."""


class QuickPushes:
    """A ``FastPush`` for each buffer whose layers around ``push`` can say what they do.

    It does all that a push does where no group or waiter wants to know, and layers may hear of it later
    (``Store.catch_up``); for any other it calls the buffer's own method. It holds its buffer weakly: dropping
    a buffer frees it at once. Into columns, a ``FastExtend`` beside it does the same for many.
    """

    def __init__(self) -> None:
        self._owners: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        self._target: Any = None
        self._ring: RingIndex | None = None
        self._at_once: str | None = None

    def make(self, store: PushedInto, owner: Any, parts: PushParts) -> dict[str, Callable[..., Any]]:
        """Returns the functions for a buffer by action, none while there is no place to write to directly."""
        self._owners[owner] = None
        if self._target is None:
            return {}
        slow = _method_of(store, weakref.ref(owner))
        metas = getattr(store.storage, "quick_metas", None)
        made = FastPush(
            *(store.ring, store.lock, BufferedData, slow, self._target),
            metas=metas,
            key=parts.key or self._at_once,
            intake=parts.intake,
        )
        made.prefix = store.text.prefix
        made.late = bool(store.listeners)
        made.alone = self._open
        self._owners[owner] = made
        functions: dict[str, Callable[..., Any]] = {"push": made.push}
        if FastExtend is not None and parts.many and getattr(store.storage, "takes_columns", False):
            slow, types = _many_of(store, weakref.ref(owner)), (BufferedBatch, IndexColumn, LaterSerials)
            functions["extend"] = FastExtend(made, slow, store.text, types).extend
        return functions

    def leave(self, owner: Any) -> None:
        """Closes the functions of a buffer that a layer now stands before; whoever kept it is sent round."""
        made = self._owners.pop(owner, None)
        if made is not None:
            made.alone = False

    def arrange(self, store: PushedInto, late: bool) -> None:
        """Opens or closes all of them; makes them anew where there is other memory to write to.

        ``late``: whoever wants to know of a push may hear of it later.
        """
        target, at_once = store.storage.target(), store.listeners.at_once
        self._open = late and target is not None
        if target is not self._target or store.ring is not self._ring or at_once != self._at_once:
            self._target, self._ring, self._at_once = target, store.ring, at_once
            for owner, made in list(self._owners.items()):
                if made is not None:
                    made.alone = False
                owner.quicken()
        for made in self._owners.values():
            if made is not None:
                made.late = bool(store.listeners)
                made.alone = self._open
                made.prefix = store.text.prefix


def said_of_push(layers: Sequence[Layer]) -> PushParts | None:
    """Returns what the layers around ``push`` say of it, None where one of them cannot say."""
    parts = PushParts(many=all(map(speaks_for_many, layers)))
    for layer in reversed(layers):
        if overrides(layer, "push"):
            if not (can_say(layer, "push") and layer.quick_push(parts)):  # type: ignore[attr-defined]
                return None
            parts.layers += 1
    return parts


def _method_of(store: PushedInto, owner: weakref.ref[Any]) -> Callable[..., Any]:
    def push(data: Any, meta: dict[str, Any] | None = None) -> Any:
        buffer = owner()
        if buffer is not None:
            return type(buffer).push(buffer, data, meta)
        # As in ``buffer.view().push(data)``: the view is gone before the call, and so are its layers.
        with store.lock:
            return store.push(data, meta)

    return push


def _many_of(store: PushedInto, owner: weakref.ref[Any]) -> Callable[..., Any]:
    def extend(batch: Any, meta: Any = None) -> Any:
        buffer = owner()
        if buffer is not None:
            return type(buffer).extend(buffer, batch, meta)
        with store.lock:  # as above
            return store.extend(batch, meta)

    return extend

"""What brings a store back in step after a change that was broken off."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from ding_buffer.core.batch import column_values
from ding_buffer.storages.grouping import group_items
from ding_buffer.storages.storage import Storage
from ding_buffer.structures.group_index import GroupIndex
from ding_buffer.structures.ring_index import RingIndex

_ATTEMPTS = 3
"""How often it is begun anew where it is itself broken off."""


class Broken(Protocol):
    """What a store is to whoever mends it."""

    capacity: int
    ring: RingIndex
    groups: dict[str, GroupIndex]

    @property
    def storage(self) -> Storage:
        """Where the items lie."""

    def mended(self, fewer: bool) -> None:
        """Lets everybody look at the store anew; ``fewer``: serials that were given will be given again."""


def mend(store: Broken, limit: int | None = None, again: Callable[[], object] | None = None) -> None:
    """Brings everything in step after a change was broken off: by Ctrl-C, or a layer that failed.

    To be called in the ``except BaseException`` around a change, which then goes on raising. Items from
    serial ``limit`` on have never been: the action that brought them has stored nothing. What had given way
    to them has gone. Everything else follows from the order of the items, from which those to be removed go
    all at once: they are all there, or all gone. ``again`` writes the changes of an update, which may have
    been written in part.

    Of what lies in a ``SharedStorage`` it lets go in this process alone: others may have seen it, and keep
    it; what had just arrived from others, and was not wholly taken in, has been missed.
    """
    if again is not None:
        with contextlib.suppress(BaseException):  # there is an exception on its way already
            insist(again)
    insist(lambda: _mend(store, limit))


def insist(what: Callable[[], object]) -> None:
    """Does what can be done twice; raises only what the last attempt does."""
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(BaseException):
            what()
            return
    what()


def _mend(store: Broken, limit: int | None) -> None:
    ring, storage = store.ring, store.storage
    ring.mend(ring.next if limit is None else limit)
    slots = ring.live()
    free = np.ones(store.capacity, dtype=bool)
    free[slots] = False
    storage.drop(np.flatnonzero(free).tolist())
    if not len(slots):
        storage.clear()  # nobody says any more what a payload looks like
    store.groups = {key: _grouped(key, ring, storage, slots) for key in store.groups}
    store.mended(limit is not None)


def _grouped(key: str, ring: RingIndex, storage: Any, slots: np.ndarray) -> GroupIndex:
    return group_items(key, ring, column_values({key: storage.metas(slots, key)}, key, len(slots)))

"""Who hears of the items that leave."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.chain import Home, Middleware
from ding_buffer.core.errors import BadArgument, Overtaken
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.core.item import BufferedData
from ding_buffer.core.lock import FairLock
from ding_buffer.storages.store import Store

REASONS = ("evicted", "deleted", "cleared", "replaced")
"""Why an item can leave: it gave way to a newer one, or somebody called ``delete``, ``clear``, or a load."""

To = Callable[[list[BufferedData], str], object]
_Items = list[BufferedData] | BufferedBatch
_GOES = ("_home", "_made_for", "_leaving", "_parcel", "_pending")


class TrackRemoved(Middleware):
    """Hands every item that leaves the buffer over, once, with the reason.

    Items are noted while they leave and handed over when the action is done and the thread that called it
    holds the buffer no more: ``to`` is free to push, sample and delete here, or to wait for another thread.
    """

    name = "track_removed"

    _heard = (0, 0)
    """How many the store had deleted and cleared at the last event told of."""
    _leaving: Sequence[_Items] = ()
    _parcel: _Parcel | None = None
    _pending: list[Callable[[], object]] | None = None

    def __init__(self, to: To) -> None:
        if isinstance(to, type) or not callable(to):
            raise BadArgument(f"track_removed needs a function to(items, reason), got {to!r}.")
        self._to = to
        self._counts = _Counts()
        self._store: Store

    def bind(self, buffer: Home) -> None:
        """Needs to know nothing of the items that are there: they are read when they go."""
        self._store = buffer.store
        self._heard = self._counted()

    def on_removing(self, slots: Sequence[int]) -> None:
        """Reads the items while they can be read."""
        self._leaving = self._read(slots)

    def _read(self, slots: Sequence[int] | np.ndarray) -> list[_Items]:
        """Returns the items of slots; those that another process has written over without their payloads."""
        storage = self._store.storage
        try:
            if len(slots) == 1:
                return [[storage.item(slots[0])]]
            return [storage.take(np.asarray(slots, dtype=np.int64), repeats=False)]
        except Overtaken as overtaken:
            where = np.asarray(slots, dtype=np.int64)
            lost = np.isin(where, overtaken.slots)
            return [self._without_payload(where[lost]), *self._read(where[~lost])]

    def _without_payload(self, slots: np.ndarray) -> list[BufferedData]:
        metas = [dict(self._store.storage.meta(slot)) for slot in slots.tolist()]
        names = self._store.names(slots)
        return [BufferedData(None, index, meta) for index, meta in zip(names, metas, strict=True)]

    def on_evicted(self, slots: Sequence[int]) -> None:
        """Notes that they gave way."""
        self._note("evicted")

    def on_deleted(self, slots: Sequence[int]) -> None:
        """Notes that somebody deleted them, or that another process needed their rows."""
        self._note("evicted" if self._store.retiring else "deleted")
        self._heard = self._counted()

    def on_cleared(self) -> None:
        """Notes that all went."""
        self._note("cleared")
        self._heard = self._counted()

    def on_loaded(self) -> None:
        """Notes that others came in their place; what is there again has not left."""
        self._note_gone("replaced")
        self._heard = self._counted()

    def on_mended(self) -> None:
        """Notes what is gone of that which was leaving when an error or Ctrl-C struck."""
        # The store counts what is deleted or cleared before it tells of it.
        counted, (deleted, cleared) = self._counted(), self._heard
        reason = "deleted" if counted[0] > deleted else "cleared" if counted[1] > cleared else "evicted"
        if self._note_gone(reason):
            self._heard = counted

    def _counted(self) -> tuple[int, int]:
        counts = self._store.counts
        return counts["deleted"], counts["cleared"]

    def _note_gone(self, reason: str) -> bool:
        self._leaving = [self._gone(items) for items in self._leaving]
        left = any(len(items) for items in self._leaving)
        # Never joined to an earlier note: a load that is taken back takes back what was noted since.
        self._pending = None
        self._note(reason)
        self._pending = None
        return left

    def _gone(self, items: _Items) -> _Items:
        names: Any = items.index if isinstance(items, BufferedBatch) else [item.index for item in items]
        places = np.flatnonzero(self._store.slots_of(names) < 0) if len(items) else np.empty(0, np.int64)
        if isinstance(items, BufferedBatch):
            return items.pick(places)
        return [items[place] for place in places.tolist()]

    def _note(self, reason: str) -> None:
        leaving, self._leaving = [items for items in self._leaving if len(items)], ()
        if not leaving:
            return
        pending, parcel = self._store.lock.pending, self._parcel
        if parcel is None or self._pending is not pending or parcel.reason != reason:
            parcel = self._parcel = _Parcel(self._to, reason, self._counts)
            self._pending = pending
            pending.append(parcel)
        parcel.items += leaving

    def stats(self) -> dict[str, Any]:
        """Returns how many items were handed over for each reason, and how many of them ``to`` failed on."""
        return self._counts.shown()

    def __getstate__(self) -> dict[str, Any]:
        """A copy has nothing to hand over yet."""
        return {key: value for key, value in self.__dict__.items() if key not in _GOES}

    def __deepcopy__(self, memo: dict[int, Any]) -> TrackRemoved:
        """Hands over to the same function: what stands behind it is not the buffer's to copy."""
        memo[id(self._to)] = self._to
        made = memo[id(self)] = object.__new__(type(self))
        made.__dict__.update(copy.deepcopy(self.__getstate__(), memo))
        return made


class _Parcel:
    """Items that left for one reason, until they are handed over."""

    def __init__(self, to: To, reason: str, counts: _Counts) -> None:
        self.items: list[_Items] = []
        self.reason = reason
        self._to, self._counts = to, counts

    def __call__(self) -> None:
        """Hands them over; they are not kept, whatever comes of it."""
        items = [item for part in self.items for item in _listed(part)]
        self.items = []
        self._counts.add(self.reason, len(items))
        done = False
        try:
            self._to(items, self.reason)
            done = True
        finally:
            if not done:
                self._counts.add("failed", len(items))


def _listed(items: _Items) -> list[BufferedData]:
    if isinstance(items, BufferedBatch):
        # Otherwise each item would have the serials of all computed anew.
        items.index = IndexColumn(items.index.serials, items.index.text)
    return list(items)


class _Counts:
    """How many items were handed over, by whichever threads."""

    def __init__(self) -> None:
        self._lock = FairLock()
        self._counts: Counter[str] = Counter(dict.fromkeys((*REASONS, "failed"), 0))

    def add(self, key: str, count: int) -> None:
        with self._lock:
            self._counts[key] += count

    def shown(self) -> dict[str, int]:
        with self._lock:
            return dict(self._counts)


def track_removed(to: To) -> TrackRemoved:
    """Makes a layer that calls ``to(items, reason)`` with the items that left the buffer.

    ``items`` is a list of ``BufferedData``; ``reason`` is why they left: "evicted" (gave way to newer ones),
    "deleted" (by ``delete``, be it that of a layer such as ``use_time_check`` or ``staleness_check``),
    "cleared", or "replaced" (a load brought others; what it brought again has not left). Each item is in one
    call, whoever removed it and through whichever view.

    The thread whose action removed them calls ``to``, when the outermost action is done and the buffer's lock
    is free, before that action returns; several threads may do so at a time. One call tells of everything
    that went in one action for one reason. ``to`` may use the buffer; what that removes is handed over in its
    turn, so a push from ``to`` into a full buffer calls ``to`` again. An error of ``to`` is raised by the
    action, which has been done all the same: its result is lost, the items count as handed over, and what
    left for other reasons is handed over too. Where the action itself failed, what had left by then is
    handed over and the error goes on.

    A storage of objects hands over the items themselves, columns hand over copies: ``clear`` and a load
    copy everything out first.

    Of a ``SharedStorage`` it tells what left the buffer of this process. What other processes push comes in,
    and pushes out, at the beginning of whatever is done next, ``len(buffer)`` included. An item whose row
    another process has overwritten already comes with its index, its meta, and None for ``data``. What was
    overwritten before this process saw it (``stats()["missed"]``) was never here, and is not told of; nor is
    what other processes delete or clear, which only concerns them.
    """
    return TrackRemoved(to)

"""Who follows whom: the items of each stream as chains of slots."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.chosen import NAME, link_many, relink, walk
from ding_buffer.structures.slot_checks import checked_slots

_FEW = 12 if NAME == "c" else 8  # one by one is cheaper than arrays
_FEW_NAMES = 256  # to look each up is cheaper than to sort them


class Succession:
    """Chains of slots, one for each unbroken run of items of one stream.

    A stream is whatever pushes one item after the other, an environment for one, and is named by any hashable
    value; None is a name like any other. Item j follows item i where j is the next item of the stream of i,
    i does not end its episode, and both are still there: what comes after an item that was removed follows
    nothing. Costs O(1) an item, and memory for two links a slot and for the newest item of each stream.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.clear()

    def clear(self) -> None:
        """Forgets everything."""
        self.following = np.full(self.capacity, -1, dtype=np.int64)
        """The slot that follows each slot, -1 where there is none."""
        self.preceding = np.full(self.capacity, -1, dtype=np.int64)
        """The slot that each slot follows, -1 where there is none."""
        self.is_newest = np.zeros(self.capacity, dtype=bool)
        """Whether an item is the newest of its stream and another may follow it."""
        self._newest: dict[Hashable, int] = {}  # of each stream
        self._stream_of: dict[int, Hashable] = {}  # of each of these

    def append(
        self, slots: npt.ArrayLike, streams: Sequence[Hashable] | np.ndarray | None, ends: Any
    ) -> None:
        """Takes in items in the order in which they were stored, of one stream or of many, mixed.

        ``streams`` names the stream of each item, None stands for one and the same; ``ends`` tells of each
        whether it ends its episode. What lay in these slots is forgotten. Raises ``ValueError`` where a slot
        is named twice or the lengths differ, ``IndexError`` for a slot out of range.
        """
        slots = checked_slots(slots, self.capacity)
        streams, ends = _columns(len(slots), streams, ends)
        if len(slots) < _FEW:
            listed = slots.tolist()
            if len(set(listed)) < len(listed):
                raise ValueError("a slot is named twice")
            named = [None] * len(slots) if streams is None else _listed(streams)
            for slot, stream, end in zip(listed, named, ends.tolist(), strict=True):
                self.append_one(slot, stream, end)
            return
        if np.logical_or.reduce(self.is_newest.take(slots)):
            if len(np.unique(slots)) < len(slots):
                raise ValueError("a slot is named twice")
            self.remove(slots)
        numbers, names = _numbered(len(slots), streams)
        were = [self._newest.get(name, -1) for name in names]
        heads = np.array(were, dtype=np.int64)
        link_many(self.following, self.preceding, self.is_newest, slots, numbers, heads, ends)
        for name, before, slot in zip(names, were, heads.tolist(), strict=True):
            if before >= 0:
                del self._newest[name], self._stream_of[before]
            if slot >= 0:
                self._newest[name], self._stream_of[slot] = slot, name

    def append_one(self, slot: int, stream: Hashable, end: bool) -> None:
        """Takes in one item, as ``append`` does; the slot must be in range."""
        newest, stream_of = self._newest, self._stream_of
        if slot in stream_of:
            del newest[stream_of.pop(slot)]
        before = newest.get(stream, -1)
        relink(self.following, self.preceding, self.is_newest, slot, before, not end)
        if before >= 0:
            del stream_of[before]
        if not end:
            newest[stream] = slot
            stream_of[slot] = stream
        elif before >= 0:
            del newest[stream]

    def rebuild(
        self,
        slots: npt.ArrayLike,
        serials: np.ndarray,
        upcoming: int,
        streams: Sequence[Hashable] | np.ndarray | None,
        ends: Any,
    ) -> None:
        """Starts anew with the items that are there, oldest first.

        ``serials`` are their serial numbers, ``upcoming`` is that of the next item to come. Where a number is
        missing an item was deleted, and of which stream is not known any more: nothing follows across.
        """
        slots = checked_slots(slots, self.capacity)
        streams, ends = _columns(len(slots), streams, ends)
        self.clear()
        if not len(slots):
            return
        numbers, names = _numbered(len(slots), streams)
        runs = np.zeros(len(slots), dtype=np.int64)
        np.cumsum(np.diff(serials) != 1, out=runs[1:])
        keys = np.arange(len(names))
        if runs[-1]:
            keys, numbers = np.unique(runs * len(names) + numbers, return_inverse=True)
        heads = np.full(len(keys), -1)
        link_many(self.following, self.preceding, self.is_newest, slots, numbers, heads, ends)
        # Only of the last run something may come.
        self.is_newest.fill(False)
        last = runs[-1] if serials[-1] + 1 == upcoming else -1
        goes_on = (keys // len(names) == last) & (heads >= 0)
        for number, slot in zip((keys[goes_on] % len(names)).tolist(), heads[goes_on].tolist(), strict=True):
            self._newest[names[number]], self._stream_of[slot] = slot, names[number]
            self.is_newest[slot] = True

    def remove(self, slots: npt.ArrayLike) -> None:
        """Cuts the links to and from items that were evicted or deleted; a free slot is ignored."""
        slots = checked_slots(slots, self.capacity)
        if len(slots) < _FEW:
            for slot in slots.tolist():
                self.remove_one(slot)
            return
        before, after = self.preceding.take(slots), self.following.take(slots)
        if max(np.maximum.reduce(before), np.maximum.reduce(after)) >= 0:
            self.following[before[before >= 0]] = -1
            self.preceding[after[after >= 0]] = -1
            self.following[slots] = self.preceding[slots] = -1
        newest = self.is_newest.take(slots)
        if newest.any():
            self.forget_newest(np.unique(slots[newest]))
            self.is_newest[slots] = False

    def forget_newest(self, slots: np.ndarray) -> None:
        """Forgets of which stream these were the newest items; for whoever cut their links."""
        for slot in slots.tolist():
            del self._newest[self._stream_of.pop(slot)]

    def remove_one(self, slot: int) -> None:
        """Cuts the links of one item, as ``remove`` does; the slot must be in range."""
        if slot in self._stream_of:
            del self._newest[self._stream_of.pop(slot)]
        relink(self.following, self.preceding, self.is_newest, slot, -1, False)

    def walk(self, slots: npt.ArrayLike, n: int) -> npt.NDArray[np.int64]:
        """Returns each slot and those that follow it, (len(slots), n): -1 from where nothing follows.

        A slot of -1 is followed by nothing.
        """
        return walk(self.following, slots, n)

    def state_dict(self, slots: npt.ArrayLike) -> dict[str, Any]:
        """Returns the links among all items, given oldest first: places in ``slots`` in place of slots."""
        slots = checked_slots(slots, self.capacity)
        place = np.full(self.capacity + 1, -1, dtype=np.int64)  # the last is that of slot -1
        place[slots] = np.arange(len(slots))
        return {
            "following": place[self.following[slots]],
            "newest": [(int(place[slot]), name) for name, slot in self._newest.items()],
        }

    def load_state_dict(self, state: Mapping[str, Any], slots: npt.ArrayLike) -> None:
        """Takes links back for items that lie in ``slots`` now, oldest first.

        Where fewer are there than were saved, they are the newest of those. Raises ``ValueError`` where the
        state does not fit; then nothing has changed.
        """
        slots = checked_slots(slots, self.capacity)
        following = np.asarray(state["following"], dtype=np.int64)
        newest = [(int(place), name) for place, name in state["newest"]]
        places = np.arange(len(following))
        linked = following >= 0
        if (
            len(following) < len(slots)
            or not ((following > places) & (following < len(following)))[linked].all()
            or len(np.unique(following[linked])) < int(linked.sum())
            or not len(newest) == len({place for place, _ in newest}) == len({name for _, name in newest})
            or any(not 0 <= place < len(following) or linked[place] for place, _ in newest)
        ):
            raise ValueError(f"the saved links do not fit {len(slots)} items")
        surplus = len(following) - len(slots)
        linked[:surplus] = False
        before, after = slots[places[linked] - surplus], slots[following[linked] - surplus]
        self.clear()
        self.following[before] = after
        self.preceding[after] = before
        for place, name in newest:
            if place >= surplus:
                slot = int(slots[place - surplus])
                self._newest[name], self._stream_of[slot], self.is_newest[slot] = slot, name, True

    def check(self) -> None:
        """Raises ``ValueError`` if links do not go both ways or form a ring; for tests."""
        before = np.flatnonzero(self.following >= 0)
        after = self.following[before]
        if not np.array_equal(self.preceding[after], before) or len(before) != (self.preceding >= 0).sum():
            raise ValueError("what follows and what precedes do not match")
        reached, walkers = 0, before[self.preceding[before] < 0]
        while len(walkers):
            reached += len(walkers)
            walkers = self.following[walkers]
            walkers = walkers[self.following[walkers] >= 0]
        if reached != len(before):
            raise ValueError("items follow each other in a ring")
        streams = {slot: name for name, slot in self._newest.items()}
        if streams != self._stream_of or sorted(streams) != np.flatnonzero(self.is_newest).tolist():
            raise ValueError("the newest items and their streams do not match")
        if any(self.following[slot] >= 0 for slot in streams):
            raise ValueError("something follows the newest item of a stream")


def _columns(
    length: int, streams: Sequence[Hashable] | np.ndarray | None, ends: Any
) -> tuple[Sequence[Hashable] | np.ndarray | None, npt.NDArray[np.bool_]]:
    ends = np.asarray(ends, dtype=bool)
    if ends.shape != (length,) or (streams is not None and len(streams) != length):
        named = length if streams is None else len(streams)
        raise ValueError(f"{length} slots, {named} streams and {ends.size} ends do not fit together")
    return streams, ends


def _listed(streams: Sequence[Hashable] | np.ndarray) -> Sequence[Any]:
    return streams.tolist() if isinstance(streams, np.ndarray) else streams


def _numbered(
    length: int, streams: Sequence[Hashable] | np.ndarray | None
) -> tuple[npt.NDArray[np.int64], list[Hashable]]:
    """Returns a number below the number of names for each item, and the name of each number."""
    if streams is None:
        return np.zeros(length, dtype=np.int64), [None]
    if isinstance(streams, np.ndarray) and streams.dtype.kind in "iub" and length > _FEW_NAMES:
        found, numbers = np.unique(streams, return_inverse=True)
        return numbers.reshape(-1).astype(np.int64, copy=False), found.tolist()
    known: dict[Hashable, int] = {}
    numbers = np.array([known.setdefault(name, len(known)) for name in _listed(streams)], dtype=np.int64)
    return numbers, list(known)

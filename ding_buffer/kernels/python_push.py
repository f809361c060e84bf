"""The fast push in Python: what ``push.c`` and its neighbours do, as fast as Python goes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ding_buffer.kernels.python_push_metas import PushMetas
from ding_buffer.kernels.python_records import RecordWriter

Mutex: Callable[[], Any] = threading.RLock
"""A re-entrant lock."""

FIRST = 1 << 60
"""Serial 0 is written as this number, see ``IndexText``."""
_PAGE_BITS = 12
_LAST = (1 << _PAGE_BITS) - 1
_LAST_DIGITS = tuple(f"{number:03x}" for number in range(1 << _PAGE_BITS))


class RingCounter:
    """Counts what goes into the slots of a ring, in turn.

    ``next`` is the serial of the next item, ``count`` how many are held. While ``dense``, slots are
    arithmetic: ``first`` is the oldest serial held, ``base`` the one that lies in slot 0. Of the newest
    ``unheard`` items layers have not heard yet; ``displaced`` of them took the place of an older one.
    """

    __slots__ = ("base", "capacity", "count", "dense", "displaced", "first", "next", "unheard")

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        self.capacity = capacity
        self.next = self.count = self.first = self.base = self.unheard = self.displaced = 0
        self.dense = True

    def advance(self) -> int:
        """Returns the slot for the next item; without room that of the oldest, which is forgotten.

        Raises ``ValueError`` where slots are not arithmetic.
        """
        serial, count, capacity = self.next, self.count, self.capacity
        if not (self.dense and serial < FIRST):
            raise ValueError("this ring cannot advance: its next slot is not arithmetic")
        self.next = serial + 1
        if count < capacity:
            self.count = count + 1
        else:
            self.first += 1
        return (serial - self.base) % capacity

    def __reduce__(self) -> tuple[Any, ...]:
        numbers = {key: getattr(self, key) for key in ("next", "count", "first", "base", "dense")}
        return (type(self), (self.capacity,), (getattr(self, "__dict__", None), numbers))


Slow = Callable[..., Any]


class _Text:
    """What a push needs of its ``FastPush``, which holds the push and must not be held by it."""

    __slots__ = ("alone", "late", "page", "page_number", "prefix")

    def __init__(self) -> None:
        self.alone = self.late = False
        self.begin("")

    def begin(self, prefix: str) -> None:
        """Writes texts under a prefix from now on."""
        self.prefix, self.page_number, self.page = prefix, -1, ""

    def turn(self, serial: int) -> None:
        """Turns to the page of a serial: all on it share all digits but the last three."""
        self.page = f"{self.prefix}{(serial + FIRST) >> _PAGE_BITS:x}"
        self.page_number = serial >> _PAGE_BITS


class FastPush:
    """Does a push that concerns nobody but the storage, and calls ``slow`` for any other.

    ``mutex`` is a lock, or a ``FairLock`` around one. ``target`` is the list that items go to, or ``(fields,
    tables)``: see ``RecordWriter``; for ``metas``, ``key`` and ``intake`` see ``PushMetas``. Without a C
    compiler there is no looking without taking, so this one takes the lock and gives way to whoever waits for
    it.
    """

    __slots__ = ("_text", "push", "slow")

    def __init__(
        self,
        ring: RingCounter,
        mutex: Any,
        item_type: type[Any],
        slow: Callable[..., Any],
        target: Any,
        versions: np.ndarray | None = None,
        metas: Any = None,
        key: str | None = None,
        intake: Any = None,
    ) -> None:
        if not isinstance(ring, RingCounter):
            raise TypeError(f"FastPush() needs a RingCounter, got {type(ring)!r}")
        if not callable(slow):
            raise TypeError("FastPush() needs a callable as slow")
        lock = mutex if hasattr(mutex, "mutex") else _Unfair(mutex)
        if not hasattr(lock.mutex, "_is_owned"):
            raise TypeError(f"FastPush() needs a Mutex, got {type(mutex)!r}")
        for name in ("data", "index", "meta"):
            if type(getattr(item_type, name, None)) is not _Descriptor:
                raise TypeError(f"FastPush() needs a type of items with a slot {name}")
        self._text = own = _Text()
        self.slow = slow
        given = PushMetas(metas, key, intake)
        self.push: Callable[..., Any]
        """Stores one item and returns it: ``push(data, meta=None)``."""
        if type(target) is tuple:
            self.push = _to_records(own, slow, ring, lock, item_type, RecordWriter(target, versions), given)
        elif type(target) is list and versions is None:
            self.push = _to_list(own, slow, ring, lock, item_type, target, given)
        else:
            raise TypeError("the target is a list, without versions, or a tuple (fields, tables)")

    @property
    def alone(self) -> bool:
        """Whether a push concerns nobody but the storage at once."""
        return self._text.alone

    @alone.setter
    def alone(self, alone: bool) -> None:
        self._text.alone = alone

    @property
    def late(self) -> bool:
        """Whether others hear of it later: it is counted in the ring."""
        return self._text.late

    @late.setter
    def late(self, late: bool) -> None:
        self._text.late = late

    @property
    def prefix(self) -> str:
        """First half of new index texts; empty: none are written here."""
        return self._text.prefix

    @prefix.setter
    def prefix(self, prefix: str) -> None:
        if not isinstance(prefix, str):
            raise TypeError("prefix must be a str")
        if len(prefix) not in (0, 16) or set(prefix) - set("0123456789abcdef"):
            raise ValueError("prefix must be 16 hex digits, or empty")
        self._text.begin(prefix)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Is ``push``."""
        return self.push(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("cannot pickle 'FastPush' object")


class _Unfair:
    """A lock that nobody queues for."""

    __slots__ = ("awaited", "mutex")

    def __init__(self, mutex: Any) -> None:
        self.mutex, self.awaited = mutex, False


_Descriptor: type = type(_Unfair.__dict__["mutex"])


# Any call or new object may run the collector or a signal handler, and these may push. So both functions make
# everything first, and then look at the ring and take its slot in a straight line without a call.

_MOST_UNHEARD = 1024  # so that nobody waits long for what others must hear first


def _to_list(
    own: _Text,
    slow: Slow,
    ring: RingCounter,
    lock: Any,
    item_type: type[Any],
    items: list[Any],
    metas: PushMetas,
) -> Callable[..., Any]:
    acquire, release, owned = lock.mutex.acquire, lock.mutex.release, lock.mutex._is_owned
    plain = metas.trivial
    most = min(ring.capacity - 1, _MOST_UNHEARD)

    def push(data: Any, meta: Any = None) -> Any:
        if not own.alone or lock.awaited or (own.late and owned()) or not acquire(False):
            return slow(data, meta)
        try:
            serial = ring.next
            if (
                not (own.prefix and ring.dense)
                or serial >= FIRST
                or (meta is not None and type(meta) is not dict)
            ):
                return slow(data, meta)
            made = ({} if meta is None else meta) if plain else metas.made(data, meta)
            if made is None:
                return slow(data, meta)
            item = item_type(data, "", made)
            if serial >> _PAGE_BITS != own.page_number:
                own.turn(serial)
            held = len(items)
            if held < ring.capacity and held == (serial - ring.base) % ring.capacity:
                items.append(None)
                held += 1
            serial, count, capacity, late = ring.next, ring.count, ring.capacity, own.late
            slot = (serial - ring.base) % capacity
            if (
                slot >= held
                or serial >> _PAGE_BITS != own.page_number
                or not (ring.dense and own.alone)
                or (late and ring.unheard >= most)
            ):
                return slow(data, meta)
            item.index = own.page + _LAST_DIGITS[serial & _LAST]
            ring.next = serial + 1
            if count < capacity:
                ring.count = count + 1
            else:
                ring.first += 1
            if late:
                ring.unheard += 1
                ring.displaced += count == capacity
            items[slot] = item
            return item
        finally:
            release()

    return push


def _to_records(
    own: _Text,
    slow: Slow,
    ring: RingCounter,
    lock: Any,
    item_type: type[Any],
    writer: RecordWriter,
    metas: PushMetas,
) -> Callable[..., Any]:
    acquire, release, owned = lock.mutex.acquire, lock.mutex.release, lock.mutex._is_owned
    pack, store, rows = writer.pack, writer.store, writer.rows
    plain, values = metas.trivial, metas.values
    most = min(ring.capacity - 1, _MOST_UNHEARD)

    def push(data: Any, meta: Any = None) -> Any:
        if not own.alone or lock.awaited or (own.late and owned()) or not acquire(False):
            return slow(data, meta)
        try:
            if not own.prefix or (meta is not None and type(meta) is not dict):
                return slow(data, meta)
            packed = pack(data)
            if packed is None:
                return slow(data, meta)
            made = ({} if meta is None else meta) if plain else metas.made(data, meta)
            if made is None or ((made or values) and not metas.fit(made, ring.capacity)):
                return slow(data, meta)
            item = item_type(data, "", made)
            if ring.next >> _PAGE_BITS != own.page_number:
                own.turn(ring.next)
            serial, count, capacity, late = ring.next, ring.count, ring.capacity, own.late
            slot = (serial - ring.base) % capacity
            if (
                slot >= rows
                or serial >> _PAGE_BITS != own.page_number
                or serial >= FIRST
                or not (ring.dense and own.alone)
                or (late and ring.unheard >= most)
            ):
                return slow(data, meta)
            item.index = own.page + _LAST_DIGITS[serial & _LAST]
            ring.next = serial + 1
            if count < capacity:
                ring.count = count + 1
            else:
                ring.first += 1
            if late:
                ring.unheard += 1
                ring.displaced += count == capacity
            store(slot, packed)
            if values:
                metas.write(slot, made)
            return item
        finally:
            release()

    return push

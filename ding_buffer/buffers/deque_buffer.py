"""The buffer everything else is layered around."""

from __future__ import annotations

import logging
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from os import PathLike
from typing import Any, TypeVar

import numpy as np
from easydict import EasyDict

from ding_buffer.buffers.quick_chains import shorten
from ding_buffer.buffers.selection import Chosen, Selection, describe_gone, select
from ding_buffer.buffers.sequences import IndexOrder, ItemOrder, MetaColumns
from ding_buffer.buffers.whole_state import put_state, take_state
from ding_buffer.core.actions import apply_middleware
from ding_buffer.core.batch import as_indices, meta_columns
from ding_buffer.core.buffer import Buffer
from ding_buffer.core.chain import Chain, Layer, Middleware, layer_name
from ding_buffer.core.errors import (
    BadArgument,
    NotEnoughItems,
    UnknownArgument,
    UnknownIndex,
)
from ding_buffer.core.item import BufferedData
from ding_buffer.core.settings import default_settings
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.storages.quick_pushes import said_of_push
from ding_buffer.storages.storage import Storage
from ding_buffer.storages.store import Store

_PUSHES = ("push", "extend")
_LOG = logging.getLogger("ding_buffer")
Self = TypeVar("Self", bound="DequeBuffer")


class DequeBuffer(Buffer):
    """A first-in-first-out buffer of at most ``size`` items with five actions.

    Everything else is a layer (``use``).

    ``sliced`` makes windows (``sample(groupby=, unroll_len=)``) start at multiples of their length.
    ``storage`` says where items lie, Python objects by default. ``seed`` seeds the buffer's own generator.
    Safe to use from many threads: each action, layers included, holds one lock that all views share.
    """

    def __init__(
        self, size: int, sliced: bool = False, *, storage: Storage | None = None, seed: int | None = None
    ) -> None:
        storage = ObjectStorage() if storage is None else storage
        self.store: Store = _store_of(storage)(_whole("size", size, least=1), storage, seed)
        super().__init__(self.store.capacity)
        self._lock = self.store.lock
        self.sliced = sliced

    @classmethod
    def default_config(cls) -> EasyDict:
        """Returns the settings a config may give, with their defaults.

        ``create_buffer`` takes them once ``size`` is there.
        """
        return EasyDict(type="deque", **default_settings(cls))

    @property
    def capacity(self) -> int:
        """How many items there is room for."""
        return self.store.capacity

    # The five actions, and their form for many.

    @apply_middleware("push")
    def push(self, data: Any, meta: dict[str, Any] | None = None) -> Any:
        """Stores one item and returns it (None where a layer refused it); when full, the oldest gives way.

        ``data`` and ``meta`` are kept by reference.
        """
        return self.store.push(data, meta)

    @apply_middleware("extend")
    def extend(self, batch: Any, meta: Any = None) -> Any:
        """Stores many items and returns them.

        ``batch`` is an iterable of payloads, or a mapping or tree of stacked columns: as one payload, but
        each leaf holds all of them, along its first dimension. ``meta`` is None, one dict each, or a dict of
        columns (a value that is no sequence goes to all). Columns return a ``BufferedBatch`` that shares
        memory with the columns given. If one item is refused, all are.
        """
        return self.store.extend(batch, meta)

    @apply_middleware("sample")
    def sample(
        self,
        size: int | None = None,
        indices: Any = None,
        replace: bool = False,
        sample_range: Any = None,
        ignore_insufficient: bool = False,
        groupby: str | None = None,
        unroll_len: int | None = None,
        **unknown: Any,
    ) -> Any:
        """Draws a batch: a list of items, or with ``groupby`` a list of lists.

        Items come by reference; one that occurs again in the batch is an independent copy. ``indices`` asks
        for these items in this order. ``sample_range`` is a slice of positions, oldest first: ``slice(-1000,
        None)`` is the newest 1000. ``groupby`` names a meta key: ``size`` groups are drawn and each comes
        whole, in storage order, or with ``unroll_len`` > 1 as one window of that many consecutive items
        (groups that are shorter do not take part); items without the key belong to no group. Raises
        ``NotEnoughItems`` when there are fewer than ``size``, or returns an empty list with
        ``ignore_insufficient``; ``UnknownIndex``, ``BadQuery``, ``UnknownArgument`` for what their names say.
        """
        if unknown:
            raise UnknownArgument(_unconsumed(unknown, self.takes))
        plain = not (replace or unroll_len) and sample_range is None is groupby
        if plain and type(indices) is np.ndarray and size == len(indices):
            # A layer has drawn: mostly all that is left to do.
            asked = indices.reshape(-1) if indices.ndim == 2 and self.store.storage.columnar else indices
            if self.store.slots_of(asked) is asked:
                lengths = None if asked is indices else np.full(size, indices.shape[1])
                return Chosen(asked, lengths, True).take(self.store)
        try:
            chosen = select(
                self.store, Selection(size, indices, replace, sample_range, groupby, unroll_len, self.sliced)
            )
        except NotEnoughItems as shortage:
            if not ignore_insufficient:
                raise
            _LOG.warning("%s Returning an empty batch, as ignore_insufficient asks.", shortage)
            return []
        return chosen.take(self.store)

    @apply_middleware("update")
    def update(self, index: Any, data: Any = None, meta: Any = None) -> Any:
        """Changes one item or many; returns whether it was there, for many an array of bool.

        One index: ``data`` replaces the payload and ``meta`` the whole meta; None keeps. Many (a list or
        array of indices): ``data`` holds one payload each, and each entry of ``meta`` is a column that sets
        this one key. What is gone is left out and counted as a late update.
        """
        store = self.store
        many = not isinstance(index, str)
        slots = store.slots_of(index)
        there = slots >= 0
        if data is not None and many and len(data) != len(slots):
            raise BadArgument(f"update() got {len(data)} payloads for {len(slots)} indices.")
        if meta is not None and not isinstance(meta, Mapping):
            raise BadArgument(f"meta must be a dict, got {type(meta).__name__}.")
        if not many:
            if there[0]:
                row = None if meta is None else [meta if isinstance(meta, dict) else dict(meta)]
                store.update(slots.tolist(), None if data is None else [data], row)
            else:
                store.counts["late_updates"] += 1
            return bool(there[0])
        columns = meta_columns(meta, len(slots))
        if not there.all():
            places = np.flatnonzero(there)
            store.counts["late_updates"] += len(slots) - len(places)
            slots = slots[places]
            columns = {key: (_at(values, places), None) for key, (values, _) in columns.items()}
            data = None if data is None else _at(data, places)
        if len(slots):
            store.update_many(slots, data, {key: values for key, (values, _) in columns.items()})
        return there

    @apply_middleware("delete")
    def delete(self, indices: Any) -> int:
        """Removes one index or any iterable of them and returns how many items went.

        What is gone already is ignored.
        """
        slots = self.store.slots_of(indices)
        return self.store.delete(slots[slots >= 0])

    @apply_middleware("clear")
    def clear(self) -> None:
        """Removes everything."""
        self.store.clear()

    def _shortened(self, action: str, layers: Sequence[Layer], base: Chain) -> tuple[Sequence[Layer], Chain]:
        own = vars(DequeBuffer)[action]._base
        if self.store is None or getattr(type(self), action).__dict__.get("_base") is not own:
            return layers, base
        return shorten(self.store, action, layers, base)

    def quicken(self) -> None:
        """Puts the shortest ways to push before the methods, where all layers can say what they do to one."""
        kind = type(self)
        for action in _PUSHES:
            self.__dict__.pop(action, None)
        if self.store is None:
            return
        parts = said_of_push(self._middleware)
        if kind.push is not DequeBuffer.push or parts is None:
            self.store.quick_pushes.leave(self)
            return
        parts.many &= kind.extend is DequeBuffer.extend
        functions = self.store.quick_pushes.make(self.store, self, parts)
        self.__dict__.update(functions)
        if parts.layers:
            self._merged.update(dict.fromkeys(functions, parts.layers))

    def __getstate__(self) -> dict[str, Any]:
        """A copy makes its own shortest ways; its layers have heard of all that was pushed."""
        with self._lock:
            return {key: value for key, value in super().__getstate__().items() if key not in _PUSHES}

    # Reading.

    def count(self) -> int:
        """Returns how many items are held."""
        return len(self.store)

    def get(self, position: int) -> BufferedData:
        """Returns the item at a position counted from the oldest; negative counts from the newest."""
        try:
            asked = operator.index(position)
        except TypeError:
            raise BadArgument(
                f"A position is an int, got {type(position).__name__}; an index goes to get_by_index()."
            ) from None
        return self.storage[asked]

    def get_by_index(self, index: Any) -> Any:
        """Returns the item of one index, or a list for many; raises ``UnknownIndex`` for one that is gone."""
        if not isinstance(index, str):
            index = as_indices(index)
        with self._lock:
            slots = self.store.slots_of(index)
            if (slots < 0).any():
                raise UnknownIndex(describe_gone(self.store, index, slots >= 0))
            items = self.store.items(slots.tolist())
        return items[0] if isinstance(index, str) else items

    def __getitem__(self, position: Any) -> Any:
        """Returns the item at a position counted from the oldest, or a list for a slice."""
        return self.storage[position] if isinstance(position, slice) else self.get(position)

    def __iter__(self) -> Iterator[BufferedData]:
        """Goes through the items held at this moment, oldest first.

        What happens meanwhile does not disturb it.
        """
        return iter(self.storage)

    def stats(self) -> dict[str, Any]:
        """Returns counters of what came, went, was refused or came too late.

        Those of a layer under its name.
        """
        with self._lock:
            layers = [
                (layer_name(layer), layer.stats())
                for layer in self._middleware
                if isinstance(layer, Middleware)
            ]
            return {**self.store.stats(), **{name: counters for name, counters in layers if counters}}

    # What DI-engine's users read.

    @property
    def storage(self) -> Sequence[BufferedData]:
        """The items, oldest first, as a sequence that follows the buffer."""
        return ItemOrder(self.store)

    @property
    def indices(self) -> IndexOrder:
        """The indices in use: ``len``, ``has(index)`` and ``get(index)``, its position from the oldest."""
        return IndexOrder(self.store)

    @property
    def meta_index(self) -> Mapping[str, Sequence[Any]]:
        """For each meta key used to group so far, the value of every item, oldest first."""
        return MetaColumns(self.store)

    # Views, copies, state.

    def view(self: Self) -> Self:
        """Returns another buffer on the same items, lock and generator, without layers.

        ``sliced`` comes along.
        """
        with self._lock:
            made = object.__new__(type(self))
            made.__dict__.update(self.__dict__)
            made._middleware = []
            made._fold()
            return made

    def state_dict(self) -> dict[str, Any]:
        """Returns items, order, generator and the state of this buffer's layers.

        Payloads are shared with the buffer.
        """
        with self._lock:
            return take_state(self.store, self._middleware, copy=True)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replaces the content; afterwards the same next batch is drawn as where the state was taken.

        The capacity stays this buffer's own: of more items the newest are kept. The n-th layer of a name gets
        the n-th state of that name; a layer without one takes the loaded items in as if it were used now.
        Raises ``CorruptSnapshot`` where the state does not fit together, and changes nothing then, or when
        broken off.
        """
        with self._lock:
            put_state(self.store, self._middleware, state)

    def save_data(self, path: str | PathLike[str], *, sync: bool = True) -> None:
        """Writes the state to one file, whole or not at all; makes missing folders.

        ``sync=False`` does not wait for the disk, and is many times faster: a crash of the system shortly
        afterwards may then leave a damaged file, which ``load_data`` tells. Others wait while columns are
        written, not while the disk is waited for. See ``snapshot`` for what can be written.
        """
        from ding_buffer.buffers.snapshot import write_snapshot

        with ExitStack() as held:
            held.enter_context(self._lock)
            state = take_state(self.store, self._middleware, copy=False)
            if not self.store.storage.columnar:  # objects are shared: nothing of them lies in our memory
                held.close()
            write_snapshot(path, state, sync=sync, written=held.close)

    def load_data(self, path: str | PathLike[str]) -> None:
        """Replaces the content by that of a file, like ``load_state_dict``.

        Nothing in a file is ever executed.
        """
        from ding_buffer.buffers.snapshot import open_snapshot

        with open_snapshot(path) as state:
            self.load_state_dict(state)

    def __repr__(self) -> str:
        layers = ", ".join(layer_name(layer) for layer in self._middleware)
        return f"{type(self).__name__}({len(self)} of {self.size} items{', ' + layers if layers else ''})"


def _store_of(storage: Storage) -> type[Store]:
    if not getattr(storage, "shared", False):
        return Store
    from ding_buffer.storages.shared_store import SharedStore

    return SharedStore


def _at(values: Any, places: np.ndarray) -> Any:
    return values[places] if isinstance(values, np.ndarray) else [values[place] for place in places.tolist()]


def _unconsumed(query: Mapping[str, Any], taken: Iterable[str]) -> str:
    known = ["size", "indices", "replace", "sample_range", "ignore_insufficient", "groupby", "unroll_len"]
    named = ", ".join(repr(key) for key in query)
    return (
        f"sample() got {named}, which no layer of this buffer takes: is one missing, or did it not take its "
        f"keyword out? Known here: {', '.join([*known, *sorted(taken)])}."
    )


def _whole(name: str, value: Any, least: int) -> int:
    try:
        whole = operator.index(value)
    except TypeError:
        raise BadArgument(f"{name} must be an int, got {value!r}.") from None
    if isinstance(value, bool) or whole < least:
        raise BadArgument(f"{name} must be at least {least}, got {value!r}.")
    return whole

"""How old data may be, counted in training iterations."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ding_buffer.core.batch import column_of, index_texts, is_slots, meta_rows, stored
from ding_buffer.core.chain import Chain, Home, Middleware
from ding_buffer.core.errors import BadArgument, ChainError, MissingMeta
from ding_buffer.storages.store import Store

_KEY = "train_iter_data_collected"


class Staleness(Middleware):
    """Deletes stale items before each sample and notes the age of what is drawn in ``meta["staleness"]``."""

    name = "staleness_check"
    once = True
    takes = ("train_iter_sample_data",)
    needs = (_KEY,)

    def __init__(self, max_staleness: float = math.inf, *, buffer: Home | None = None) -> None:
        self.made_for(buffer)
        if (
            isinstance(max_staleness, bool)
            or not isinstance(max_staleness, (int, float))
            or not max_staleness >= 0
        ):
            raise BadArgument(f"max_staleness must be a number of at least 0, got {max_staleness!r}.")
        self._limit = max_staleness
        # Serials by the iteration they were collected in, and those iterations as a heap. An entry is a hint:
        # whether the item is still there and still of that iteration is looked up when its time has come.
        self._collected: dict[float, list[int]] = {}
        self._iterations: list[float] = []
        self._entries = 0
        self._stale = 0
        self._store: Store

    def bind(self, buffer: Home) -> None:
        """Takes the items in that are there; each must tell when it was collected."""
        self._store = buffer.store
        unknown = sum(
            1 for item in self._store.items(self._store.live()) if not _is_iteration(item.meta.get(_KEY))
        )
        if unknown:
            raise ChainError(
                f"staleness_check cannot tell the age of {unknown} items that have no meta[{_KEY!r}]."
            )
        self.on_loaded()

    def push(self, chain: Chain, data: Any, meta: dict[str, Any] | None = None) -> Any:
        """Asks for the iteration in which the item was collected."""
        _check(meta)
        return chain(data, meta=meta)

    def extend(self, chain: Chain, batch: Sequence[Any], meta: Any = None) -> Any:
        """Asks it of every item, before any is stored."""
        batch = list(batch)
        rows = meta_rows(meta, len(batch))
        for row in rows:
            _check(row)
        return chain(batch, meta=rows)

    def update(self, chain: Chain, index: Any, data: Any = None, meta: Any = None) -> Any:
        """Keeps an item from losing its age: a new meta of one item must tell it too."""
        if isinstance(index, str):
            if meta is not None:
                _check(meta)
        elif isinstance(meta, Mapping) and _KEY in meta:
            index = index if is_slots(index) else index_texts(index)
            for iteration in column_of(meta[_KEY], len(index), _KEY):
                _check({_KEY: iteration})
        return chain(index, data=data, meta=meta)

    def sample(
        self,
        chain: Chain,
        size: int | None = None,
        *,
        train_iter_sample_data: float | None = None,
        **query: Any,
    ) -> Any:
        """Deletes what is stale at iteration ``train_iter_sample_data``, then samples."""
        if train_iter_sample_data is None or not _is_iteration(train_iter_sample_data):
            raise BadArgument(
                "staleness_check needs sample(size, train_iter_sample_data=iteration), "
                f"got {train_iter_sample_data!r} for the iteration."
            )
        stale = self._pop_stale(float(train_iter_sample_data))
        if stale:
            self._stale += self.buffer.delete(stale)
        batch = chain(size=size, **query)
        for item in stored(batch):
            if _is_iteration(item.meta.get(_KEY)):
                item.meta["staleness"] = train_iter_sample_data - item.meta[_KEY]
        return batch

    def _pop_stale(self, now: float) -> list[str]:
        found: dict[str, None] = {}
        while self._iterations and now - self._iterations[0] > self._limit:
            iteration = heapq.heappop(self._iterations)
            serials = self._collected.pop(iteration)
            self._entries -= len(serials)
            for slot in self._store.ring.slots_of(np.array(serials, dtype=np.int64)).tolist():
                item = self._store.storage.item(slot) if slot >= 0 else None
                if item is not None and item.meta.get(_KEY) == iteration:
                    found[item.index] = None
        return list(found)

    def on_filled(self, slots: Sequence[int]) -> None:
        """Notes when items were collected.

        One that came past this layer without saying so never goes stale.
        """
        if self._limit == math.inf:
            return
        for slot in slots:
            meta = self._store.storage.item(slot).meta
            if not _is_iteration(meta.get(_KEY)):
                continue
            iteration = float(meta[_KEY])
            serials = self._collected.get(iteration)
            if serials is None:
                serials = self._collected[iteration] = []
                heapq.heappush(self._iterations, iteration)
            serials.append(self._store.ring.serial_of(slot))
            self._entries += 1
        if self._entries > 2 * len(self._store) + 64:  # evicted items left entries behind
            self.on_loaded()

    def on_updated(self, slots: Sequence[int]) -> None:
        """Notes changed iterations."""
        self.on_filled(slots)

    def on_cleared(self) -> None:
        """Forgets everything."""
        self._collected.clear()
        self._iterations.clear()
        self._entries = 0

    def on_loaded(self) -> None:
        """Notes the items that are there now."""
        self.on_cleared()
        self.on_filled(self._store.live())

    def stats(self) -> dict[str, Any]:
        """Returns how many items were deleted as stale."""
        return {"stale": self._stale}

    def state_dict(self) -> dict[str, Any]:
        """Returns the count; the ages came with the items."""
        return {"stale": self._stale}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes the count back."""
        self._stale = int(state["stale"])


def _is_iteration(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and math.isfinite(value)


def _check(meta: Mapping[str, Any] | None) -> None:
    value = meta.get(_KEY) if isinstance(meta, Mapping) else None
    if not _is_iteration(value):
        raise MissingMeta(
            f"staleness_check needs meta[{_KEY!r}], the training iteration in which the data was collected, "
            f"got {value!r}."
        )


def staleness_check(buffer: Home | None = None, max_staleness: float = math.inf) -> Staleness:
    """Makes a layer that keeps data older than ``max_staleness`` training iterations from being sampled.

    Push with ``meta={"train_iter_data_collected": iteration}``, sample with ``sample(size,
    train_iter_sample_data=iteration)``. Costs what is deleted.
    """
    return Staleness(max_staleness, buffer=buffer)

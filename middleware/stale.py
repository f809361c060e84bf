"""How old data may be, counted in training iterations."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ding_buffer.core.batch import as_indices, column_of, count_of, in_hand, meta_rows, note, told
from ding_buffer.core.chain import Chain, Home, Middleware
from ding_buffer.core.errors import BadArgument, ChainError, MissingMeta
from ding_buffer.storages.store import Store

_KEY = "train_iter_data_collected"


class Staleness(Middleware):
    """Deletes stale items before each sample and notes the age of what is drawn in ``meta["staleness"]``."""

    name = "staleness_check"
    once = True
    inside: ClassVar = {"rate_limit": "what is pushed while rate_limit waits would be drawn, however stale"}
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
        live = self._store.ring.live()
        unknown = len(live) - len(_dated(*self._store.storage.metas(live, _KEY))[0])
        if unknown:
            raise ChainError(
                f"staleness_check cannot tell the age of {unknown} items that have no meta[{_KEY!r}]."
            )
        self.on_loaded()

    def push(self, chain: Chain, data: Any, meta: dict[str, Any] | None = None) -> Any:
        """Asks for the iteration in which the item was collected."""
        _check(meta)
        return chain(data, meta=meta)

    def extend(self, chain: Chain, batch: Any, meta: Any = None) -> Any:
        """Asks it of every item, before any is stored."""
        batch = in_hand(batch)
        if isinstance(meta, Mapping):
            values = column_of(meta.get(_KEY), count_of(batch), _KEY)
            if len(_dated(values)[0]) < len(values):
                for value in values:
                    _check({_KEY: value})
            return chain(batch, meta=meta)
        rows = meta_rows(meta, count_of(batch))
        for row in rows:
            _check(row)
        return chain(batch, meta=rows)

    def update(self, chain: Chain, index: Any, data: Any = None, meta: Any = None) -> Any:
        """Keeps an item from losing its age: a new meta of one item must tell it too."""
        if isinstance(index, str):
            if meta is not None:
                _check(meta)
        elif isinstance(meta, Mapping) and _KEY in meta:
            index = as_indices(index)
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
        if len(stale):
            self._stale += self.buffer.delete(self._store.names(stale))
        batch = chain(size=size, **query)
        values, there = told(batch, _KEY)
        if isinstance(values, np.ndarray) and values.dtype.kind in "if":
            there &= np.isfinite(values)
            note(batch, "staleness", train_iter_sample_data - values, there)
        else:
            there &= np.array([_is_iteration(value) for value in values], dtype=bool)
            ages = [
                train_iter_sample_data - value if known else 0
                for value, known in zip(values, there.tolist(), strict=True)
            ]
            note(batch, "staleness", ages, there)
        return batch

    def _pop_stale(self, now: float) -> np.ndarray:
        found = []
        while self._iterations and now - self._iterations[0] > self._limit:
            iteration = heapq.heappop(self._iterations)
            serials = self._collected.pop(iteration)
            self._entries -= len(serials)
            slots = self._store.ring.slots_of(np.array(serials, dtype=np.int64))
            slots = slots[slots >= 0]
            places, iterations = _dated(*self._store.storage.metas(slots, _KEY))
            found.append(slots[places[iterations == iteration]])
        return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)

    def on_filled(self, slots: Sequence[int]) -> None:
        """Notes when items were collected.

        One that came past this layer without saying so never goes stale.
        """
        if self._limit == math.inf:
            return
        ring = self._store.ring
        if len(slots) == 1:
            value: Any = self._store.storage.meta_of(slots[0], _KEY)
            if _is_iteration(value):
                self._file(float(value), [ring.serial_of(slots[0])])
        else:
            where = np.asarray(slots, dtype=np.int64)
            places, iterations = _dated(*self._store.storage.metas(where, _KEY))
            serials = ring.serials_of(where[places])
            order = np.argsort(iterations, kind="stable")
            distinct, begins = np.unique(iterations[order], return_index=True)
            parts = np.split(serials[order], begins[1:])
            for iteration, part in zip(distinct.tolist(), parts, strict=bool(len(distinct))):
                self._file(iteration, part.tolist())
        if self._entries > 2 * len(self._store) + 64:  # evicted items left entries behind
            self.on_loaded()

    def _file(self, iteration: float, serials: list[int]) -> None:
        filed = self._collected.get(iteration)
        if filed is None:
            filed = self._collected[iteration] = []
            heapq.heappush(self._iterations, iteration)
        filed += serials
        self._entries += len(serials)

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


def _dated(values: Any, there: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Returns which of these values are iterations, and those, as float64."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "if":
        known = np.isfinite(values) if there is None else np.isfinite(values) & there
        places = np.flatnonzero(known)
        return places, values[places].astype(np.float64)
    found = np.array([_is_iteration(value) for value in values], dtype=bool)
    places = np.flatnonzero(found if there is None else found & there)
    return places, np.array([float(values[place]) for place in places.tolist()], dtype=np.float64)


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

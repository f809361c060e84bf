"""How often an item may be sampled."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ding_buffer.core.batch import indices_of, note
from ding_buffer.core.chain import Chain, Home, Middleware
from ding_buffer.core.errors import BadArgument
from ding_buffer.core.quick_parts import SampleParts
from ding_buffer.kernels.chosen import all_below, count_up
from ding_buffer.storages.store import Store


class UseCount(Middleware):
    """Counts how often each item is sampled, in ``meta["use_count"]``, and deletes it on the last one."""

    name = "use_time_check"
    hears_late = True
    inside: ClassVar = {"padding": "it would count the copies that padding adds as uses"}

    def __init__(self, max_use: float = math.inf, *, buffer: Home | None = None) -> None:
        self.made_for(buffer)
        if isinstance(max_use, bool) or not isinstance(max_use, (int, float)) or not max_use >= 1:
            raise BadArgument(f"max_use must be a number of at least 1, got {max_use!r}.")
        self._max_use = max_use
        self._uses = np.zeros(0, dtype=np.int64)  # by slot
        self._worn_out = 0
        self._store: Store

    def bind(self, buffer: Home) -> None:
        """Counts the items that are there from zero."""
        self._store = buffer.store
        self._uses = np.zeros(self._store.capacity, dtype=np.int64)

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Counts every occurrence in the batch.

        An item that has reached its limit is still returned, and gone afterwards.
        """
        batch = chain(size=size, **query)
        slots = self._store.slots_of(indices_of(batch))
        if all_below(slots, self._store.capacity):
            counts = count_up(self._uses, slots)
            note(batch, "use_count", counts)
        else:  # a layer further in has deleted some meanwhile, or there are fillers, which are no items
            there = slots >= 0
            column = np.zeros(len(slots), dtype=np.int64)
            slots = slots[there]
            counts = column[there] = count_up(self._uses, slots)
            note(batch, "use_count", column, there)
        # What is returned may be a copy; the stored item is to tell its count too.
        self._store.storage.set_metas(slots, "use_count", counts)
        if self._max_use != math.inf:
            self._wear(slots, counts)
        return batch

    def quick_sample(self, parts: SampleParts) -> bool:
        """Says so in parts."""
        if parts.uses is not None:
            return False
        parts.uses, parts.limit, parts.worn = self._uses, self._max_use, self._wear
        return True

    def _wear(self, slots: np.ndarray, counts: np.ndarray) -> None:
        worn = slots[counts >= self._max_use]
        if len(worn):
            self._worn_out += self.buffer.delete(self._store.names(np.unique(worn)))

    def on_filled(self, slots: Sequence[int]) -> None:
        """New items have not been used."""
        self._uses[slots[0] if len(slots) == 1 else slots] = 0

    def on_cleared(self) -> None:
        """Forgets all counts."""
        self._uses[:] = 0

    def on_loaded(self) -> None:
        """Counts the items that are there now from zero."""
        self.on_cleared()

    def on_mended(self) -> None:
        """Goes on: the items that are there are those whose uses were counted, in the same slots."""

    def state_dict(self) -> dict[str, Any]:
        """Returns the counts, oldest item first."""
        return {"uses": self._uses[self._store.live()].tolist(), "worn_out": self._worn_out}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes the counts of the items that were loaded, which are the newest of those saved."""
        uses, slots = [int(count) for count in state["uses"]], self._store.live()
        if len(uses) < len(slots) or min(uses, default=0) < 0:
            raise ValueError(f"{len(uses)} use counts for {len(slots)} items")
        self._uses[slots] = uses[len(uses) - len(slots) :]
        self._worn_out = int(state["worn_out"])

    def stats(self) -> dict[str, Any]:
        """Returns how many items were used up."""
        return {"worn_out": self._worn_out}


def use_time_check(buffer: Home | None = None, max_use: float = math.inf) -> UseCount:
    """Makes a layer that lets an item be sampled ``max_use`` times and then deletes it.

    Every occurrence in a batch is a use; the batch in which the limit is reached still holds the item.
    """
    return UseCount(max_use, buffer=buffer)

"""Items that tell which they are, also when they are gone by the time somebody asks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ding_buffer.core.batch import flat, indices_of
from ding_buffer.core.chain import Chain, Home, Middleware
from ding_buffer.replay.identity import generate_id
from ding_buffer.storages.store import Store

UNIQUE_ID = "replay_unique_id"
PLACE = "replay_buffer_idx"


class NamedItems(Middleware):
    """Notes in the meta of each drawn item where it lies and its unique id, which numbers all pushes.

    A layer further in hands out items of their own, not the stored ones.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._store: Store

    def bind(self, buffer: Home) -> None:
        """Follows the buffer's own numbers."""
        self._store = buffer.store

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Names the items of the batch."""
        batch = chain(size=size, **query)
        slots = self._store.slots_of(indices_of(batch))
        serials = self._store.ring.serials_of(slots)
        for item, slot, serial in zip(flat(batch), slots.tolist(), serials.tolist(), strict=True):
            item.meta[PLACE] = slot
            item.meta[UNIQUE_ID] = generate_id(self._name, serial)
        return batch

    def still_there(self, slots: np.ndarray, names: list[Any]) -> np.ndarray:
        """Tells of each slot whether it still holds the item of that name, bool, (n,)."""
        inside = (slots >= 0) & (slots < self._store.capacity)
        serials = np.where(inside, self._store.ring.serials_of(np.where(inside, slots, 0)), -1)
        found = [
            serial >= 0 and name == generate_id(self._name, serial)
            for serial, name in zip(serials.tolist(), names, strict=True)
        ]
        return np.array(found, dtype=bool)

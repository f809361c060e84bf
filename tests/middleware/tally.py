"""What prioritised replay drew, without fetching it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ding_buffer.core.chain import Chain, Middleware


class Tally(Middleware):
    """Stands innermost, notes the payloads of what was drawn and, while ``noting``, fetches nothing.

    Tests of a distribution draw the same items over and over, and the copies of repeated ones would take
    nearly all their time.
    """

    def __init__(self) -> None:
        self.items: Counter[int] = Counter()
        self.groups: Counter[tuple[int, ...]] = Counter()
        self.noting = False

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Notes what it is asked for by slot, items or groups of them."""
        if not self.noting:
            return chain(size=size, **query)
        item, slots = self.buffer.store.storage.item, query["indices"]
        if isinstance(slots, np.ndarray):
            self.items.update(item(slot).data for slot in slots.tolist())
            return []
        self.groups.update(tuple(item(slot).data for slot in group.tolist()) for group in slots)
        return [[] for _ in slots]


def tally(buffer: Any, draws: int, batch: int, **query: Any) -> Tally:
    """Draws so many times through the whole chain, whose innermost layer is a ``Tally``, and returns that."""
    layer: Tally = buffer._middleware[-1]
    layer.items, layer.groups, layer.noting = Counter(), Counter(), True
    for _ in range(draws // batch):
        buffer.sample(batch, **query)
    layer.noting = False
    return layer

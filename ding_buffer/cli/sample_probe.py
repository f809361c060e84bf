"""A layer that watches what is sampled, and a glance at what is held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from ding_buffer.core.batch import told
from ding_buffer.core.buffer import Buffer
from ding_buffer.core.chain import Chain, Home, Middleware
from ding_buffer.storages.store import Store

STAMP = "env_step"
"""The meta key under which the job notes when a transition was collected."""


class SampleProbe(Middleware):
    """Notes the ages of sampled items, in env steps behind the newest one, and changes nothing.

    It looks at one batch in ``every``.
    """

    def __init__(self, every: int = 1) -> None:
        self._every = every
        self._batches = 0
        self._ages: list[np.ndarray] = []
        self._newest = 0
        self._store: Store

    def bind(self, buffer: Home) -> None:
        """Looks at the newest item that is there."""
        self._store = buffer.store
        self.on_loaded()

    def on_filled(self, slots: Sequence[int]) -> None:
        """Notes when the newest item was collected."""
        self._newest = self._store.storage.meta_of(slots[-1], STAMP) or 0

    def on_loaded(self) -> None:
        """Notes when the newest item was collected."""
        if len(self._store):
            self.on_filled(self._store.live()[-1:])

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Draws a batch, and notes its ages if its turn has come."""
        batch = chain(size=size, **query)
        self._batches += 1
        if self._batches % self._every:
            return batch
        stamps, there = told(batch, STAMP)
        if not there.all():
            stamps = [stamp for stamp, known in zip(stamps, there.tolist(), strict=True) if known]
        self._ages.append(self._newest - np.asarray(stamps, dtype=np.int64))
        return batch

    def take_ages(self) -> list[int]:
        """Returns the ages noted since the last call."""
        ages, self._ages = self._ages, []
        return [age for part in ages for age in part.tolist()]


@dataclass(frozen=True)
class BufferGlance:
    """The priorities and use counts of items held; a list is empty where no layer keeps such a number."""

    priorities: list[float]
    use_counts: list[int]

    def median_priority(self) -> float | None:
        """Returns the priority that half of the items stay below."""
        return median(self.priorities) if self.priorities else None


def glance_at(buffer: Buffer, most: int | None = None) -> BufferGlance:
    """Reads the meta of the items held, of at most ``most`` of them, evenly from the oldest to the newest."""
    count = len(buffer)
    seen = count if most is None else min(count, most)
    metas = [buffer.get(place * count // seen).meta for place in range(seen)]
    priorities = [float(meta["priority"]) for meta in metas if meta.get("priority") is not None]
    # An item is not told its count before it is drawn for the first time.
    counted = any("use_count" in meta for meta in metas)
    return BufferGlance(priorities, [int(meta.get("use_count", 0)) for meta in metas] if counted else [])

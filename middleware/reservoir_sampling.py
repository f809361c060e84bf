"""A fair sample of everything that was ever pushed."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from ding_buffer.core.chain import Chain, Home, Middleware
from ding_buffer.core.errors import BadArgument, ChainError
from ding_buffer.storages.store import Store

Pick = Callable[[int], int]


class Reservoir(Middleware):
    """Keeps the n-th item that comes to a buffer of ``size`` with probability ``size / n``.

    What is pushed through a view without this layer counts, but the oldest gives way to it, as ever.
    """

    name = "reservoir"
    once = True
    inside: ClassVar = {"rate_limit": "it would count items that rate_limit then holds back"}

    def __init__(self, *, pick: Pick | None = None) -> None:
        self._pick = pick
        self._seen = self._refused = 0
        self._store: Store

    def bind(self, buffer: Home) -> None:
        """Counts the items that are there as all there were; refuses rows that are written in turn."""
        if buffer.store.storage.shared:
            raise ChainError(
                "reservoir cannot choose what leaves this buffer: each process writes over its own oldest "
                "rows. Use an ObjectStorage, a ColumnStorage or a MemmapStorage."
            )
        self._store = buffer.store
        self.on_loaded()

    def push(self, chain: Chain, data: Any, meta: dict[str, Any] | None = None) -> Any:
        """Stores it, without room in the place of a random item; returns None where it is kept out."""
        store = self._store
        if store.ring.count < store.capacity:
            return chain(data, meta=meta)
        # Algorithm R of Vitter (1985). What is held fills all slots, so they are as good as the items.
        count = self._seen + 1
        slot = operator.index(store.rng.integers(count) if self._pick is None else self._pick(count))
        if slot < 0:
            raise BadArgument(f"pick({count}) must return a number in [0, {count}), got {slot}.")
        if slot >= store.capacity:
            self._seen += 1
            self._refused += 1
            return None
        store.victim = slot
        try:
            return chain(data, meta=meta)
        finally:
            store.victim = -1

    def on_filled(self, slots: Sequence[int]) -> None:
        """Counts what came in."""
        self._seen += len(slots)

    def on_cleared(self) -> None:
        """Begins anew."""
        self._seen = 0

    def on_loaded(self) -> None:
        """Counts the items that are there now as all there were."""
        self._seen = len(self._store)

    def on_mended(self) -> None:
        """Goes on counting; what was broken off may have been counted."""
        self._seen = max(self._seen, len(self._store)) if len(self._store) else 0

    def state_dict(self) -> dict[str, Any]:
        """Returns the counts."""
        return {"seen": self._seen, "refused": self._refused}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes the counts back."""
        seen, refused = int(state["seen"]), int(state["refused"])
        if seen < len(self._store) or refused < 0:
            raise ValueError(f"{seen} items seen, {len(self._store)} held, {refused} refused")
        self._seen, self._refused = seen, refused

    def stats(self) -> dict[str, Any]:
        """Returns how many items came since the buffer was empty, and how many ever were kept out."""
        return self.state_dict()


def reservoir(*, pick: Pick | None = None) -> Reservoir:
    """Makes a layer that keeps a fair sample of the whole stream: every item so far is held equally likely.

    A push into the full buffer is kept out (and returns None) or takes the place of a random item, ever less
    often. ``clear`` begins anew. Room that ``delete`` leaves is filled by whatever comes next, which is then
    held more likely than the rest. Source: algorithm R of Vitter, "Random Sampling with a Reservoir", 1985.

    The buffer's generator decides, or ``pick(n)``, a number in [0, n): the slot of the n-th item that came,
    which is kept out where there is no such slot. Many pushed at once are pushed one by one. Works on every
    storage but a ``SharedStorage``.
    """
    return Reservoir(pick=pick)

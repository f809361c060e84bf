"""New items in the place of random ones."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ding_buffer.core.chain import Chain, Home, Middleware
from ding_buffer.core.errors import BadArgument, ChainError
from ding_buffer.samplers.survival import given_chance, replacement_chance
from ding_buffer.storages.store import Store

Draw = Callable[[], float]
Pick = Callable[[int], int]


class RandomReplacement(Middleware):
    """Lets a random item give way to a new one instead of the oldest, or keeps the new one out.

    What is pushed through a view without this layer goes in as ever: the oldest gives way.
    """

    name = "random_replacement"
    once = True
    inside: ClassVar = {"rate_limit": "it would draw again, and count, what rate_limit then holds back"}

    def __init__(
        self,
        replace_probability: float | None = None,
        expected_survival_length: float | None = None,
        *,
        draw: Draw | None = None,
        pick: Pick | None = None,
    ) -> None:
        self._chance = given_chance(replace_probability, expected_survival_length)
        if expected_survival_length is not None:
            replacement_chance(1, expected_survival_length)  # tells a bad one now
        self._survival = expected_survival_length
        self._draw, self._pick = draw, pick
        self._replaced = self._refused = 0
        self._store: Store

    @property
    def replace_probability(self) -> float:
        """How likely a push into the full buffer replaces an item."""
        return self._chance

    def bind(self, buffer: Home) -> None:
        """Needs to know nothing of the items that are there; refuses rows that are written in turn."""
        store = buffer.store
        if store is None or store.storage.shared:
            why = "it has no store" if store is None else "each process writes over its own oldest rows"
            raise ChainError(
                f"random_replacement cannot choose what leaves this buffer: {why}. Use a DequeBuffer with an "
                "ObjectStorage, a ColumnStorage or a MemmapStorage."
            )
        self._store = store
        if self._survival is not None:
            self._chance = replacement_chance(self._store.capacity, self._survival)

    def push(self, chain: Chain, data: Any, meta: dict[str, Any] | None = None) -> Any:
        """Stores it, without room in the place of a random item; returns None where it is kept out."""
        store = self._store
        if store.ring.count < store.capacity:
            return chain(data, meta=meta)
        if (self._draw or store.rng.random)() > self._chance:
            self._refused += 1
            return None
        # Whatever is held fills all slots, so they are as good as the items.
        capacity = store.capacity
        slot = operator.index(store.rng.integers(capacity) if self._pick is None else self._pick(capacity))
        if not 0 <= slot < capacity:
            raise BadArgument(f"pick({capacity}) must return a slot in [0, {capacity}), got {slot}.")
        store.victim = slot
        try:
            item = chain(data, meta=meta)
        finally:
            given_way, store.victim = store.victim != slot, -1
        if item is not None and given_way:
            self._replaced += 1
        return item

    def state_dict(self) -> dict[str, Any]:
        """Returns the counts."""
        return {"replaced": self._replaced, "refused": self._refused}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes the counts back."""
        self._replaced, self._refused = int(state["replaced"]), int(state["refused"])

    def stats(self) -> dict[str, Any]:
        """Returns how many items gave way to new ones, and how many new ones were kept out."""
        return self.state_dict()


def random_replacement(
    replace_probability: float | None = None,
    expected_survival_length: float | None = None,
    *,
    draw: Draw | None = None,
    pick: Pick | None = None,
) -> RandomReplacement:
    """Makes a layer that lets each push into the full buffer replace a random item, so old ones live on.

    It does so with ``replace_probability`` (1 by default) and otherwise keeps the new item out: ``push``
    returns None. ``expected_survival_length`` gives the probability at which all that is held at some moment
    is replaced after so many pushes, on average. One item lives ``size / replace_probability`` pushes on
    average. Source: ``RandomReplacementBuffer`` of PAMIQ-Core.

    The buffer's generator decides, or ``draw()``, a number in [0, 1) that is at most the probability where
    the new item comes in, and ``pick(n)``, the slot in [0, n) that it takes. Many pushed at once are pushed
    one by one. Works on every storage but a ``SharedStorage``.
    """
    return RandomReplacement(replace_probability, expected_survival_length, draw=draw, pick=pick)

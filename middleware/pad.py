"""Groups made equally long."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ding_buffer.core.batch import is_nested
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.chain import Chain, Home, Middleware
from ding_buffer.core.copies import clone
from ding_buffer.core.errors import BadArgument, BadQuery, ChainError
from ding_buffer.core.item import BufferedData

_EMPTY = "An empty group has no member to be padded with: use padding(policy='none')."


class Padding(Middleware):
    """Fills the groups of a batch up to the longest; a flat batch passes.

    Groups in columns become one block of shape (B, T, ...), with a mask where the fillers are no items.
    """

    name = "padding"

    def __init__(self, policy: Literal["random", "none"] = "random") -> None:
        if policy not in ("random", "none"):
            raise BadArgument(f"policy must be 'random' or 'none', got {policy!r}.")
        self._policy = policy

    def bind(self, buffer: Home) -> None:
        """Draws with the buffer's generator."""
        if buffer.store is None:
            raise ChainError(
                f"padding draws with the buffer's generator, and {type(buffer).__name__} has none."
            )

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Fills the groups up at their end."""
        batch = chain(size=size, **query)
        if not is_nested(batch):
            return batch
        if isinstance(batch, BufferedBatch):
            return self._pad_columns(batch)
        longest = max(map(len, batch))
        return [[*group, *self._fill(group, longest - len(group))] for group in batch]

    def _pad_columns(self, batch: BufferedBatch) -> BufferedBatch:
        lengths: Any = batch.lengths
        longest = int(lengths.max())
        if (lengths == longest).all():
            return batch
        inside = np.arange(longest) < lengths[:, None]
        begins = np.cumsum(lengths) - lengths
        places = np.where(inside, np.arange(longest), 0) + begins[:, None]
        evened = [longest] * len(lengths)
        if self._policy == "none":
            # What a filler copies does not matter: it is blanked. An empty group has nothing of its own.
            places = np.minimum(places, max(int(lengths.sum()) - 1, 0))
            return batch.pick(places.reshape(-1), evened, inside.reshape(-1))
        for row in np.flatnonzero(lengths < longest).tolist():
            length = int(lengths[row])
            if not length:
                raise BadQuery(_EMPTY)
            drawn = self.buffer.store.rng.integers(length, size=longest - length)
            places[row, length:] = begins[row] + drawn
        return batch.pick(places.reshape(-1), evened)

    def _fill(self, group: list[BufferedData], missing: int) -> list[Any]:
        if self._policy == "none":
            # No item at all: DI-engine's filler has None in every field.
            return [BufferedData(None, None, None) for _ in range(missing)]  # type: ignore[arg-type]
        if missing and not group:
            raise BadQuery(_EMPTY)
        return (
            [
                clone(group[place])
                for place in self.buffer.store.rng.integers(len(group), size=missing).tolist()
            ]
            if missing
            else []
        )


def padding(policy: Literal["random", "none"] = "random") -> Padding:
    """Makes a layer that fills sampled groups up to the longest one.

    ``"random"``: with copies of random members of the group, index and meta included. ``"none"``: with
    ``BufferedData(None, None, None)``, to be masked. Use it before (outside) whatever counts or cuts items.
    """
    return Padding(policy)

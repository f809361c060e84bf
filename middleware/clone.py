"""Copies on the way in and on the way out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ding_buffer.core.batch import flat, meta_rows, shaped_like
from ding_buffer.core.chain import Chain, Middleware
from ding_buffer.core.copies import clone


class CloneObject(Middleware):
    """Copies payload and meta on their way in and again on sample.

    What is pushed, updated or sampled shares no memory with what is stored.
    """

    name = "clone_object"

    def push(self, chain: Chain, data: Any, meta: dict[str, Any] | None = None) -> Any:
        """Stores a copy."""
        return chain(clone(data), meta=clone(meta))

    def extend(self, chain: Chain, batch: Sequence[Any], meta: Any = None) -> Any:
        """Stores copies."""
        batch = [clone(data) for data in batch]
        return chain(
            batch, meta=None if meta is None else [clone(row) for row in meta_rows(meta, len(batch))]
        )

    def update(self, chain: Chain, index: Any, data: Any = None, meta: Any = None) -> Any:
        """Stores copies."""
        if data is not None:
            data = clone(data) if isinstance(index, str) else [clone(part) for part in data]
        return chain(index, data=data, meta=clone(meta))

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Returns copies, each independent of the others too."""
        batch = chain(size=size, **query)
        return shaped_like(batch, [clone(item) for item in flat(batch)])


def clone_object() -> CloneObject:
    """Makes a layer that keeps the stored items from being changed from outside.

    Costs a deep copy each way.
    """
    return CloneObject()

"""Copies on the way in and on the way out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ding_buffer.core.batch import flat, in_hand, is_columns, shaped_like
from ding_buffer.core.buffered_batch import BufferedBatch
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
        return chain(_cloned(in_hand(batch)), meta=_cloned(meta))

    def update(self, chain: Chain, index: Any, data: Any = None, meta: Any = None) -> Any:
        """Stores copies."""
        if data is not None:
            data = clone(data) if isinstance(index, str) else [clone(part) for part in data]
        return chain(index, data=data, meta=clone(meta))

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Returns copies, each independent of the others too."""
        batch = chain(size=size, **query)
        if isinstance(batch, BufferedBatch):  # columns are copies already, but for the objects among them
            return batch.mapped(_own)
        return shaped_like(batch, [clone(item) for item in flat(batch)])


def _cloned(many: Any) -> Any:
    """Copies columns together, and payloads or metas each for itself: what two share is shared no more."""
    if isinstance(many, BufferedBatch) or is_columns(many):
        return clone(many)
    return [clone(one) for one in many] if hasattr(many, "__iter__") else many


def _own(column: Any) -> Any:
    return clone(column) if getattr(getattr(column, "dtype", None), "hasobject", False) else column


def clone_object() -> CloneObject:
    """Makes a layer that keeps the stored items from being changed from outside.

    Costs a deep copy each way.
    """
    return CloneObject()

"""Places of a group where there is no item."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.item import BufferedData


def with_fillers(batch: Any, there: npt.NDArray[np.bool_]) -> Any:
    """Returns groups of one length, their items in the places that are ``there``, bool (B, T), in order.

    A filler is ``BufferedData(None, None, None)``; in columns zeros, with slot -1, index None and ``mask``
    False.
    """
    if isinstance(batch, BufferedBatch):
        places = np.where(there, np.cumsum(there).reshape(there.shape) - 1, 0)
        made = batch.pick(places.reshape(-1), [there.shape[1]] * len(there), there.reshape(-1))
        made.mask = there
        return made
    return [_filled(group, row) for group, row in zip(batch, there.tolist(), strict=True)]


def _filled(group: list[BufferedData], there: list[bool]) -> list[BufferedData]:
    items = iter(group)
    # No item at all: DI-engine's filler has None in every field.
    return [next(items) if one else BufferedData(None, None, None) for one in there]  # type: ignore[arg-type]


def items_there(batch: Any) -> npt.NDArray[np.bool_]:
    """Returns which places of a batch of groups of one length hold items, bool (B, T), in new memory."""
    if not isinstance(batch, BufferedBatch):
        return np.array([[item.index is not None for item in group] for group in batch], dtype=bool)
    return np.ones(batch.slots.shape, dtype=bool) if batch.mask is None else batch.mask.copy()

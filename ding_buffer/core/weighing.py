"""Items that carry the weight of their draw."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.copies import is_tensor, is_tree, takes_entries, with_entry
from ding_buffer.core.item import BufferedData

KEY = "priority_IS"


def weighed(items: Sequence[BufferedData], weights: np.ndarray) -> list[BufferedData]:
    """Returns new items with ``meta["priority_IS"]``, a float; payloads that take entries get a (1,) array.

    The array is float32, or a tensor where the first of these payloads holds tensors. Payloads and metas are
    shallow copies: what was drawn is not touched.
    """
    entries = _entries(items, weights)
    made = []
    for item, weight, entry in zip(items, weights.tolist(), entries, strict=True):
        data = with_entry(item.data, KEY, entry) if takes_entries(item.data) else item.data
        made.append(BufferedData(data, item.index, {**item.meta, KEY: weight}))
    return made


def weighed_columns(batch: BufferedBatch, weights: np.ndarray) -> BufferedBatch:
    """Gives a batch of columns ``meta["priority_IS"]``, float64, shaped as its slots, and returns it.

    A dict of fields also gets ``data["priority_IS"]``, float32 of shape (..., 1), a tensor where the other
    fields are.
    """
    column = batch.meta[KEY] = weights.reshape(batch.slots.shape)
    batch.absent.pop(KEY, None)
    if isinstance(batch.data, dict):
        entry: Any = column.astype(np.float32)[..., None]
        torch = sys.modules.get("torch")
        if torch is not None and any(isinstance(part, torch.Tensor) for part in batch.data.values()):
            entry = torch.from_numpy(entry)
        batch.data[KEY] = entry
    return batch


def _entries(items: Sequence[BufferedData], weights: np.ndarray) -> Sequence[Any]:
    rows = weights.astype(np.float32)[:, None]
    first: Any = next((item.data for item in items if takes_entries(item.data)), {})
    torch: Any = sys.modules.get("torch")  # a tree may hold arrays only
    if torch is None or not any(is_tensor(part) or is_tree(part) for part in first.values()):
        return list(rows)
    tensors: Sequence[Any] = torch.from_numpy(rows).unbind(0)
    return tensors

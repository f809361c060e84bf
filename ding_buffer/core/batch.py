"""The few things a layer does with a batch, flat or in groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.item import BufferedData


def is_nested(batch: Sequence[Any]) -> bool:
    """Tells whether a batch is a list of groups rather than of items."""
    return len(batch) > 0 and isinstance(batch[0], list)


def flat(batch: Sequence[Any]) -> list[BufferedData]:
    """Returns the items of a batch in order, groups opened; the items themselves, not copies."""
    return [item for group in batch for item in group] if is_nested(batch) else list(batch)


def stored(batch: Sequence[Any]) -> list[BufferedData]:
    """Returns the items of a batch that a buffer knows: fillers that padding added have no index."""
    return [item for item in flat(batch) if item.index is not None]


def shaped_like(batch: Sequence[Any], items: Sequence[Any]) -> list[Any]:
    """Arranges as many ``items`` in the groups of ``batch``; the inverse of ``flat``."""
    if not is_nested(batch):
        return list(items)
    remaining: Iterator[Any] = iter(items)
    return [[next(remaining) for _ in group] for group in batch]


def meta_rows(meta: Any, length: int) -> list[dict[str, Any]]:
    """Returns one meta dict for each of ``length`` items, in new dicts.

    ``meta`` is None, a sequence of dicts (or Nones), or a dict of columns: a sequence or array of that length
    gives each item its own value, anything else is given to all.
    """
    if meta is None:
        return [{} for _ in range(length)]
    if isinstance(meta, Mapping):
        columns = {key: column_of(values, length, str(key)) for key, values in meta.items()}
        return [{key: column[row] for key, column in columns.items()} for row in range(length)]
    rows = list(meta)
    if len(rows) != length:
        raise BadArgument(
            f"meta has {len(rows)} rows for {length} items. Give one dict each, or a dict of columns."
        )
    for row in rows:
        if row is not None and not isinstance(row, Mapping):
            raise BadArgument(f"meta must be a dict, got {type(row).__name__}.")
    return [dict(row) if row is not None else {} for row in rows]


def column_of(values: Any, length: int, key: str) -> Sequence[Any]:
    """Returns ``values`` as ``length`` values.

    Itself where it is a list, tuple, array or tensor of them, repeated where it is one.
    """
    if isinstance(values, (list, tuple)):
        column: Sequence[Any] = values
    elif getattr(values, "ndim", 0) > 0:
        column = values.tolist() if values.ndim == 1 else list(values)
    else:
        return [values] * length
    if len(column) != length:
        raise BadArgument(f"meta[{key!r}] has {len(column)} values for {length} items.")
    return column


def index_texts(indices: Any) -> list[str]:
    """Returns the indices of one or many, however nested, as a flat list.

    Takes one ``str``, or any iterable of them, generators included; raises ``BadArgument`` for anything else
    in it.
    """
    if isinstance(indices, str):
        return [indices]
    if isinstance(indices, BufferedData) or not hasattr(indices, "__iter__"):
        raise BadArgument(f"An index is a str (item.index), got {type(indices).__name__}.")
    texts: list[str] = []
    for part in indices:
        texts += [part] if isinstance(part, str) else index_texts(part)
    return texts


def is_slots(indices: Any) -> bool:
    """Tells whether ``indices`` are slots: an array of integers, as the events hand out."""
    return isinstance(indices, np.ndarray) and indices.dtype.kind in "iu"

"""The few things a layer does with a batch, of items or of columns, flat or in groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.copies import is_tensor, is_tree
from ding_buffer.core.errors import BadArgument
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.core.item import BufferedData
from ding_buffer.core.leaves import leaves_of, map_leaves


def is_nested(batch: Any) -> bool:
    """Tells whether a batch consists of groups rather than of items."""
    if isinstance(batch, BufferedBatch):
        return batch.lengths is not None
    return len(batch) > 0 and isinstance(batch[0], (list, BufferedBatch))


def flat(batch: Any) -> list[BufferedData]:
    """Returns the items of a batch in order, groups opened; of a list the items themselves, not copies."""
    if isinstance(batch, BufferedBatch):
        batch = batch.opened()
    return [item for group in batch for item in group] if is_nested(batch) else list(batch)


def stored(batch: Any) -> list[BufferedData]:
    """Returns the items of a batch that a buffer knows: fillers that padding added have no index."""
    return [item for item in flat(batch) if item.index is not None]


def indices_of(batch: Any) -> Sequence[Any]:
    """Returns the index of every item of a batch, groups opened; of a filler "", or None in columns."""
    if isinstance(batch, BufferedBatch):
        return batch.index
    return [item.index or "" for item in flat(batch)]


def note(batch: Any, key: str, values: Any, there: np.ndarray | None = None) -> None:
    """Writes a meta key of the items of a batch: a list or array of a value each, groups opened.

    Items where ``there`` is False, and fillers, keep what they have.
    """
    if not isinstance(batch, BufferedBatch):
        values = values.tolist() if isinstance(values, np.ndarray) else values
        known = [True] * len(values) if there is None else there.tolist()
        for item, value, one in zip(flat(batch), values, known, strict=True):
            if one and item.index is not None:
                item.meta[key] = value
        return
    column, shape = np.asarray(values), batch.slots.shape
    column = column.reshape(shape)
    if there is None and batch.mask is None:
        batch.meta[key] = column
        batch.absent.pop(key, None)
        return
    kept = np.zeros(shape, dtype=bool) if there is None else ~there.reshape(shape)
    if batch.mask is not None:
        kept |= ~batch.mask
    lacking = kept & batch.absent.pop(key, key not in batch.meta)
    if key in batch.meta and kept.any():
        column = np.where(kept, batch.meta[key], column)
    batch.meta[key] = column
    if lacking.any():
        batch.absent[key] = lacking


def told(batch: Any, key: str) -> tuple[Sequence[Any], np.ndarray]:
    """Returns a meta key of every item of a batch, groups opened, and which items have it (bool, (n,))."""
    if isinstance(batch, BufferedBatch):
        rows = batch.slots.size
        if key not in batch.meta:
            return [None] * rows, np.zeros(rows, dtype=bool)
        absent = batch.absent.get(key)
        column = batch.meta[key]
        there = np.ones(rows, dtype=bool) if absent is None else ~absent.reshape(-1)
        return column.reshape(rows, *column.shape[batch.slots.ndim :]), there
    items = flat(batch)
    there = np.array([item.index is not None and key in item.meta for item in items], dtype=bool)
    return [item.meta[key] if known else None for item, known in zip(items, there, strict=True)], there


def shaped_like(batch: Any, items: Sequence[Any]) -> list[Any]:
    """Arranges as many ``items`` in the groups of ``batch``; the inverse of ``flat``."""
    if not is_nested(batch):
        return list(items)
    remaining: Iterator[Any] = iter(items)
    return [[next(remaining) for _ in group] for group in batch]


def stacked_length(batch: Any) -> int:
    """Returns how many payloads a mapping of stacked columns holds.

    Raises ``BadArgument`` where its leaves do not agree.
    """
    leaves = list(batch.values()) if type(batch) is dict else []
    if {*map(type, leaves)} != {np.ndarray}:  # mostly it is a flat dict of arrays
        leaves = list(leaves_of(batch))
    lengths = {len(leaf) for leaf in leaves if hasattr(leaf, "__len__")}
    scalars = any(not hasattr(leaf, "__len__") for leaf in leaves)
    if len(lengths) != 1 or scalars:
        raise BadArgument(
            "A mapping given to extend() holds columns: arrays whose first dimension is the number of items, "
            f"the same for all, got lengths {sorted(lengths)}{' and single values' if scalars else ''}."
        )
    return lengths.pop()


def is_columns(batch: Any) -> bool:
    """Tells whether ``extend`` was given named columns: a mapping, or a tree, of them."""
    return isinstance(batch, Mapping) or is_tree(batch)


def in_hand(batch: Any) -> Any:
    """Returns what ``extend`` was given as something that can be counted: an iterator becomes a list.

    Raises ``BadArgument`` for what is not many.
    """
    arrays = isinstance(batch, np.ndarray) or is_tensor(batch)
    if is_columns(batch) or isinstance(batch, Sequence) or (arrays and batch.ndim > 0):
        return batch
    if arrays or not hasattr(batch, "__iter__"):
        raise BadArgument(
            f"extend() takes many payloads, or a mapping of their columns, got {_named(batch)}; "
            "push() takes one."
        )
    return list(batch)


def _named(batch: Any) -> str:
    return f"one {type(batch).__name__}" if batch is not None else "None"


def count_of(batch: Any) -> int:
    """Returns how many payloads ``in_hand`` holds; fillers are none."""
    if isinstance(batch, BufferedBatch):
        return int(batch.slots.size if batch.mask is None else np.count_nonzero(batch.mask))
    return stacked_length(batch) if is_columns(batch) else len(batch)


def all_lack(payloads: Any, key: str) -> bool:
    """Tells, where one look at each does, that all payloads of a list are dicts without this key."""
    return (
        type(payloads) is list
        and {*map(type, payloads)} == {dict}
        and not any(key in one for one in payloads)
    )


def payloads_of(batch: Any) -> list[Any]:
    """Returns the payloads of what ``extend`` was given: an iterable of them, or columns.

    Those of columns have memory of their own.
    """
    if isinstance(batch, BufferedBatch):
        sound = batch.without_fillers()
        return [sound[np.array([row])][0].data for row in range(len(sound))]
    if not is_columns(batch):
        return list(in_hand(batch))
    length = stacked_length(batch)
    rows = [map_leaves(lambda column, row=row: _own(column[row]), batch) for row in range(length)]
    return list(map(type(batch), rows)) if is_tree(batch) else rows


def _own(part: Any) -> Any:
    if isinstance(part, np.ndarray):
        return part.copy()
    return part.clone() if is_tensor(part) else part


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
    if not hasattr(meta, "__iter__"):
        raise BadArgument(f"meta must be dicts, or a dict of columns, got {type(meta).__name__}.")
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

    Itself where it is a list, tuple, array or tensor of them, repeated where it is one. An array that has as
    many values in several dimensions, as for a batch of windows, is opened.
    """
    if isinstance(values, (list, tuple)):
        column: Sequence[Any] = values
    elif getattr(values, "ndim", 0) > 0:
        if values.ndim > 1 and np.prod(values.shape) == length:
            values = values.reshape(-1)
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


MetaColumns = dict[str, tuple[Any, "np.ndarray | None"]]
"""Metas of many items by key: a value each, and which of them have it (None: all)."""


def meta_columns(meta: Any, length: int) -> MetaColumns:
    """Returns the metas of ``length`` items as columns; takes what ``meta_rows`` takes.

    An array stays an array.
    """
    if meta is None:
        return {}
    if isinstance(meta, Mapping):
        return {
            key: (
                values
                if isinstance(values, np.ndarray) and values.shape == (length,)
                else column_of(values, length, str(key)),
                None,
            )
            for key, values in meta.items()
        }
    alike = same_keys(meta) if isinstance(meta, (list, tuple)) and len(meta) == length else None
    if alike is not None:
        return {key: (values, None) for key, values in alike.items()}
    rows = meta_rows(meta, length)
    columns: MetaColumns = {}
    for key in dict.fromkeys(key for row in rows for key in row):
        there = np.array([key in row for row in rows], dtype=bool)
        columns[key] = ([row.get(key) for row in rows], None if there.all() else there)
    return columns


def same_keys(rows: Sequence[Any]) -> dict[str, list[Any]] | None:
    """Returns dicts that all have the same keys, none of them empty, as lists by key; None for any others."""
    first = rows[0] if rows else None
    if (
        type(first) is not dict
        or not first
        or {*map(type, rows)} != {dict}
        or {*map(len, rows)} != {len(first)}
    ):
        return None
    try:
        return {key: list(map(itemgetter(key), rows)) for key in first}
    except KeyError:
        return None


def column_values(metas: MetaColumns, key: str, length: int) -> list[Any]:
    """Returns one key of meta columns as Python values, None where an item has none."""
    if key not in metas:
        return [None] * length
    values, there = metas[key]
    listed: list[Any] = values.tolist() if isinstance(values, np.ndarray) else list(values)
    if there is None:
        return listed
    return [value if known else None for value, known in zip(listed, there.tolist(), strict=True)]


def as_indices(indices: Any) -> Sequence[Any]:
    """Returns the indices of many items as something with one entry for each.

    Slots, opened, and index columns pass; anything else becomes a flat list of texts (see ``index_texts``).
    """
    if is_slots(indices):
        return indices.reshape(-1)  # type: ignore[no-any-return]
    return indices if isinstance(indices, IndexColumn) else index_texts(indices)

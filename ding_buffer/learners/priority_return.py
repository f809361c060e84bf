"""Brings the priorities that a training step computed back to the items of its batch."""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ding_buffer.core.batch import is_nested
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.errors import BadPriority

Floats = NDArray[np.float64]


def take_priority(ctx: Any) -> Any:
    """Returns ``ctx.train_output["priority"]``, or None if the training step gave none.

    Of a list of outputs the last is taken off the list and used, as in DI-engine: several fetches on the way
    back, last in first out, then each find their own.
    """
    output = getattr(ctx, "train_output", None)
    if isinstance(output, MutableSequence):
        output = output.pop() if output else None
    if isinstance(output, Mapping) and "priority" in output:
        return output["priority"]
    return None


def send_priorities(buffer: Any, drawn: Sequence[Any], priority: Any) -> None:
    """Writes priorities to ``meta["priority"]`` of the drawn items in one ``update``.

    ``drawn`` is a list of items with one priority each, or a list of groups with one priority each (for all
    its items) or one per item. Items without an index (padding) are left out. Raises ``BadPriority`` if the
    numbers do not fit the batch.
    """
    if isinstance(drawn, BufferedBatch):
        lengths = [1] * len(drawn) if drawn.lengths is None else drawn.lengths.tolist()
        values = _by_row(priority, lengths)
        real = np.flatnonzero(drawn.index.serials >= 0)
        if len(real) == len(values):
            buffer.update(drawn.index, meta={"priority": values})
        elif len(real):
            buffer.update(drawn.index[real], meta={"priority": values[real]})
        return
    items, values = _by_item(drawn, priority)
    real = [place for place, item in enumerate(items) if item.index is not None]
    if real:
        buffer.update([items[place].index for place in real], meta={"priority": values[real]})


def _by_item(drawn: Sequence[Any], priority: Any) -> tuple[list[Any], Floats]:
    groups = list(drawn) if is_nested(drawn) else [[item] for item in drawn]
    values = _by_row(priority, [len(group) for group in groups])
    return [item for group in groups for item in group], values


def _by_row(priority: Any, lengths: Sequence[int]) -> Floats:
    """Returns one number for each item of groups of these lengths."""
    given = _rows(priority)
    if len(given) != len(lengths):
        raise BadPriority(f"the training step gave {len(given)} priorities for a batch of {len(lengths)}")
    if isinstance(given, np.ndarray) and given.size == sum(lengths):
        return given.reshape(-1)
    spread = [_spread(_floats(row).reshape(-1), length) for row, length in zip(given, lengths, strict=True)]
    return np.concatenate(spread) if spread else np.empty(0)


def _spread(row: Floats, length: int) -> Floats:
    """Returns one number per item of a group, from one per item or one for all."""
    if len(row) == length:
        return row
    if len(row) == 1:
        return np.repeat(row, length)
    raise BadPriority(
        f"the training step gave {len(row)} priorities for a group of {length} items; expected 1 or {length}"
    )


def _rows(priority: Any) -> Sequence[Any]:
    if isinstance(priority, (list, tuple)):
        return priority
    whole = _floats(priority)
    if whole.ndim == 0:
        raise BadPriority(
            "the training step gave one priority for a whole batch; expected one for each of its items"
        )
    return whole  # type: ignore[return-value]  # an array iterates and counts its rows as a sequence does


def _floats(values: Any) -> Floats:
    if isinstance(values, (list, tuple)):
        values = [_floats(value) for value in values]
    elif hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadPriority(f"priorities must be numbers: {error}") from error

"""Whose priority is whose, where a learner gives back those of a batch of windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ding_buffer.core.batch import column_of, is_slots
from ding_buffer.core.errors import BadArgument
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.samplers.priority_intake import PriorityIntake
from ding_buffer.samplers.window_shape import WindowShape


class Feedback(NamedTuple):
    """The arguments of an ``update`` that leaves out fillers, and which of the items are meant."""

    index: Any
    data: Any
    meta: dict[str, Any]
    meant: npt.NDArray[np.bool_]


def feedback(
    shape: WindowShape, intake: PriorityIntake, index: Any, data: Any, meta: Mapping[str, Any]
) -> Feedback:
    """Returns what an update of many items with ``meta["priority"]`` means; raises what is wrong with it."""
    index, known = _opened(index)
    meant, given = _spread(shape, len(known), meta["priority"])
    priorities = intake.checked_all(given)
    if meant.all() and known.all():
        return Feedback(index, data, {**meta, "priority": priorities}, known)
    places = np.flatnonzero(meant & known)
    columns = {
        key: _at(column_of(column, len(known), str(key)), places)
        for key, column in meta.items()
        if key != "priority"
    }
    return Feedback(
        _at(index, places),
        None if data is None else _at(data, places),
        {**columns, "priority": priorities[known[meant]]},
        meant & known,
    )


def _opened(index: Any) -> tuple[Any, npt.NDArray[np.bool_]]:
    """Returns the indices of many items, groups opened, and which are no fillers (None, or slot -1)."""
    if isinstance(index, IndexColumn):
        return index, index.serials >= 0
    if is_slots(index):
        return index.reshape(-1), index.reshape(-1) >= 0
    if not hasattr(index, "__iter__"):
        raise BadArgument(f"An index is a str (item.index), got {type(index).__name__}.")
    texts: list[Any] = []
    _open(index, texts)
    return texts, np.array([text is not None for text in texts], dtype=bool)


def _open(index: Any, texts: list[Any]) -> None:
    for part in index:
        if part is None or isinstance(part, str):
            texts.append(part)
        elif hasattr(part, "__iter__"):
            _open(part, texts)
        else:
            raise BadArgument(f"An index is a str (item.index), got {type(part).__name__}.")


def _spread(shape: WindowShape, count: int, priorities: Any) -> tuple[npt.NDArray[np.bool_], Sequence[Any]]:
    """Returns which of ``count`` items get a priority, and as many priorities.

    There is one for each item; or, for windows laid behind each other, one for each learned place, or one for
    each window, which goes to all its learned places. A single number goes to all. Raises ``BadArgument``.
    """
    everybody = np.ones(count, dtype=bool)
    if not isinstance(priorities, np.ndarray):
        try:
            priorities = np.asarray(priorities)
        except (TypeError, ValueError) as error:
            raise BadArgument(f"The priorities are no array: {error}.") from error
    if not priorities.ndim:
        return everybody, [priorities.item()] * count
    flat = priorities.reshape(-1)
    if len(flat) == count:
        return everybody, flat if flat.dtype.kind in "fiu" else flat.tolist()
    width = shape.burn_in + shape.length
    learned = np.arange(count) % width >= shape.burn_in
    if not count % width and len(flat) * width == count:
        flat = np.repeat(flat, shape.length)
    elif count % width or len(flat) * width != count * shape.length:
        raise BadArgument(
            f"meta['priority'] has {len(flat)} values for {count} items. Give one for each; or for windows "
            f"of {width} places one for each of the {shape.length} learned places, or one for each window."
        )
    return learned, flat if flat.dtype.kind in "fiu" else flat.tolist()


def _at(column: Any, places: npt.NDArray[np.int64]) -> Any:
    """Returns the entries at these places, of a list or of what numpy can index."""
    if isinstance(column, (list, tuple)):
        return [column[place] for place in places.tolist()]
    return column[places]

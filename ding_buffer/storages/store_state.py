"""A saved store, read and checked before anything is replaced by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ding_buffer.core.errors import BadArgument, CorruptSnapshot
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.storages.content import Content
from ding_buffer.storages.grouping import group_items
from ding_buffer.storages.storage import Storage
from ding_buffer.structures.group_index import GroupIndex
from ding_buffer.structures.index_text import IndexText
from ding_buffer.structures.ring_index import RingIndex, serials_in


class LoadedState(NamedTuple):
    """Everything a store is made of, as a state tells it."""

    ring: RingIndex
    text: IndexText
    rng: np.random.Generator
    groups: dict[str, GroupIndex]
    counts: Counter[str]
    content: Content
    names: IndexColumn


def read_state(
    state: Mapping[str, Any], capacity: int, storage: Storage, grouped_by: Iterable[str], room: int
) -> LoadedState:
    """Reads a state for a store of this capacity that keeps groups by these keys.

    Of more items than there is ``room`` for the newest are kept. Raises ``CorruptSnapshot`` where it does not
    fit together, ``SchemaError`` where the storage does not take such items; changes nothing.
    """
    try:
        ring, text, rng = RingIndex(capacity), IndexText(), np.random.default_rng()
        order = state["order"]
        serials = serials_in(order)
        surplus = max(0, len(serials) - room)
        content = _content(storage, state["storage"], len(serials), surplus)
        if int(order["capacity"]) == capacity and not room < len(serials) <= capacity:
            ring.load_state_dict(order)
        else:
            ring.restart(serials[surplus:], int(order["next"]))
        text.load_state_dict(state["index"])
        rng.bit_generator.state = state["rng"]
        saved = state["groups"]
        keys = dict.fromkeys([*map(str, saved), *grouped_by])
        groups = {key: group_items(key, ring, content.values(key)) for key in keys}
        if not surplus:
            for key in saved:
                groups[str(key)].reorder([int(serial) for serial in saved[key]])
        counts = Counter({str(key): int(value) for key, value in state["counts"].items()})
    except _Refused as refusal:
        raise refusal.reason from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise CorruptSnapshot(f"The saved state does not fit together: {error}.") from error
    names = IndexColumn(ring.serials_later(ring.order()), text)
    return LoadedState(ring, text, rng, groups, counts, content, names)


class _Refused(Exception):
    """The state is sound, and the storage does not take what it holds."""

    def __init__(self, reason: BadArgument) -> None:
        super().__init__(reason)
        self.reason = reason


def _content(storage: Storage, state: Any, count: int, surplus: int) -> Content:
    try:
        return storage.content(state, count, surplus)
    except BadArgument as reason:
        raise _Refused(reason) from reason

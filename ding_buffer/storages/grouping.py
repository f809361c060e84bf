"""The groups of items that are there already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ding_buffer.storages.group_value import check_group_value
from ding_buffer.structures.group_index import GroupIndex
from ding_buffer.structures.ring_index import RingIndex


def group_items(key: str, ring: RingIndex, values: Sequence[Any]) -> GroupIndex:
    """Returns the groups of the items of a ring by a meta key, whose ``values`` come oldest first.

    Raises ``BadArgument`` for a value that cannot name a group.
    """
    index = GroupIndex()
    slots = ring.live()
    for slot, serial, value in zip(slots.tolist(), ring.serials_of(slots).tolist(), values, strict=True):
        check_group_value(key, value)
        index.add(slot, serial, value)
    return index

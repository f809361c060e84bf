"""Whether everything that a store keeps fits together."""

from __future__ import annotations

from typing import Protocol

from ding_buffer.storages.storage import Storage
from ding_buffer.structures.group_index import GroupIndex
from ding_buffer.structures.ring_index import RingIndex


class Checked(Protocol):
    """What a store is to whoever looks for faults in it."""

    storage: Storage
    ring: RingIndex
    groups: dict[str, GroupIndex]

    def slot_of(self, index: str) -> int:
        """Returns the slot of one index."""

    def live(self) -> list[int]:
        """Returns the slots of all items."""


def check_store(store: Checked) -> None:
    """Raises ``ValueError`` if order, items and groups of a store disagree."""
    store.ring.check()
    items = {slot: store.storage.item(slot) for slot in store.live()}
    for slot, item in items.items():
        if store.slot_of(item.index) != slot:
            raise ValueError(f"the item in slot {slot} is not known by its index")
    for key, index in store.groups.items():
        index.check()
        held = {slot: item.meta.get(key) for slot, item in items.items()}
        listed = {slot: group.value for group in index.groups for slot in group.slots[group.head :]}
        if listed != {slot: value for slot, value in held.items() if value is not None}:
            raise ValueError(f"the groups of {key!r} and the items disagree")

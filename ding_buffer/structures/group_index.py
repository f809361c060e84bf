"""Which items share a value of one meta key."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any


class Group:
    """The items of one group in storage order: parallel lists of serials and slots, live from ``head`` on."""

    __slots__ = ("head", "place", "serials", "slots", "value")

    def __init__(self, value: Any, place: int) -> None:
        self.value = value
        self.place = place  # position in GroupIndex.groups
        self.serials: list[int] = []
        self.slots: list[int] = []
        self.head = 0

    def __len__(self) -> int:
        return len(self.slots) - self.head

    def between(self, low: int, high: int) -> tuple[int, int]:
        """Returns the places ``[start, stop)`` of the items whose serial lies in ``[low, high)``."""
        start = bisect_left(self.serials, low, self.head)
        return start, bisect_left(self.serials, high, start)

    def _drop_oldest(self) -> None:
        self.head += 1
        if self.head * 2 > len(self.slots) + 16:  # at most half of the lists is dead: O(1) amortised
            del self.serials[: self.head], self.slots[: self.head]
            self.head = 0


class GroupIndex:
    """Posting lists of one meta key, kept while items come, go and change.

    An item whose value is None, or that lacks the key, belongs to no group. A push or an eviction costs O(1),
    a removal the move of the rest of its group's list. ``groups`` holds every non-empty group, so that one
    can be drawn by position; its order depends only on what was done.
    """

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self._by_value: dict[Any, Group] = {}
        self._of_slot: list[Group | None] = []

    def __len__(self) -> int:
        return len(self.groups)

    def get(self, value: Any) -> Group | None:
        """Returns the group of a value."""
        return self._by_value.get(value)

    def of(self, slot: int) -> Group | None:
        """Returns the group of an item."""
        return self._of_slot[slot] if slot < len(self._of_slot) else None

    def add(self, slot: int, serial: int, value: Any) -> None:
        """Takes in the newest item; ``value`` must be hashable."""
        of_slot = self._of_slot
        if slot >= len(of_slot):
            of_slot.extend([None] * (slot + 1 - len(of_slot)))
        if value is None:
            return
        group = self._by_value.get(value)
        if group is None:
            group = self._by_value[value] = Group(value, len(self.groups))
            self.groups.append(group)
        group.serials.append(serial)
        group.slots.append(slot)
        of_slot[slot] = group

    def evict(self, slot: int) -> None:
        """Forgets the oldest item of all, which is also the oldest of its group."""
        group = self._of_slot[slot]
        if group is not None:
            self._of_slot[slot] = None
            group._drop_oldest()
            self._drop_if_empty(group)

    def remove(self, slots: Iterable[int], serials: Iterable[int]) -> None:
        """Forgets items anywhere."""
        leaving: dict[Group, set[int]] = {}
        for slot, serial in zip(slots, serials, strict=True):
            group = self._of_slot[slot]
            if group is not None:
                self._of_slot[slot] = None
                leaving.setdefault(group, set()).add(serial)
        for group, gone in leaving.items():
            if len(gone) == 1:
                place = bisect_left(group.serials, gone.pop(), group.head)
                del group.serials[place], group.slots[place]
            else:
                kept = [
                    place
                    for place in range(group.head, len(group.serials))
                    if group.serials[place] not in gone
                ]
                group.slots = [group.slots[place] for place in kept]
                group.serials = [group.serials[place] for place in kept]
                group.head = 0
            self._drop_if_empty(group)

    def move(self, slot: int, serial: int, value: Any) -> None:
        """Puts an item that is there under another value, at its place in storage order."""
        group = self._of_slot[slot]
        if group is not None and group.value == value:
            return
        self.remove([slot], [serial])
        if value is None:
            return
        self.add(slot, serial, value)
        target = self._by_value[value]
        place = bisect_left(target.serials, serial, target.head, len(target.serials) - 1)
        target.serials.insert(place, target.serials.pop())
        target.slots.insert(place, target.slots.pop())

    def clear(self) -> None:
        """Forgets everything."""
        self.__init__()  # type: ignore[misc]

    def _drop_if_empty(self, group: Group) -> None:
        if not len(group):
            del self._by_value[group.value]
            last = self.groups.pop()
            if last is not group:
                self.groups[group.place] = last
                last.place = group.place

    def order(self) -> list[int]:
        """Returns the oldest serial of each group in the order of ``groups``.

        Enough to put them in this order again.
        """
        return [group.serials[group.head] for group in self.groups]

    def reorder(self, oldest: Sequence[int]) -> None:
        """Puts the groups in the order that ``order`` told.

        Raises ``ValueError`` where these are not the groups.
        """
        by_oldest = {group.serials[group.head]: group for group in self.groups}
        if sorted(by_oldest) != sorted(oldest):
            raise ValueError("the saved groups are not the groups of the saved items")
        self.groups = [by_oldest[serial] for serial in oldest]
        for place, group in enumerate(self.groups):
            group.place = place

    def check(self) -> None:
        """Raises ``ValueError`` if the lists do not fit together; for tests."""
        for place, group in enumerate(self.groups):
            live = group.serials[group.head :]
            if (
                not live
                or live != sorted(set(live))
                or group.place != place
                or self._by_value.get(group.value) is not group
            ):
                raise ValueError(f"group {group.value!r} is out of order")
            if len(group.serials) != len(group.slots) or any(
                self._of_slot[slot] is not group for slot in group.slots[group.head :]
            ):
                raise ValueError(f"group {group.value!r} and its slots do not match")
        if len(self._by_value) != len(self.groups) or sum(map(len, self.groups)) != sum(
            g is not None for g in self._of_slot
        ):
            raise ValueError("an item is in no group's list")

"""What a storage must do: hold items at slots, and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ding_buffer.core.item import BufferedData


class Storage(Protocol):
    """Where items lie. A storage knows slots only.

    Which slot is whose, which is older, and which is free is the store's business.

    The store calls it under its lock, with slots that are valid; a slot that is ``put`` is free, or holds the
    oldest item, which gives way. Slots of an empty storage are first used in ascending order. An item that
    ``check`` let pass must not be refused by ``put`` or ``write``: by then others have given way.
    """

    strict: bool
    """Whether ``check`` may refuse an item; a storage that takes anything is not asked."""

    def check(self, data: Any, meta: Mapping[str, Any]) -> None:
        """Raises for an item that cannot be stored (wrong shape or type): asked before anything changes."""

    def put(self, slot: int, data: Any, index: str, meta: dict[str, Any]) -> BufferedData:
        """Stores one item in a slot and returns it."""

    def item(self, slot: int) -> BufferedData:
        """Returns the stored item of a slot."""

    def take(self, slots: Sequence[int], repeats: bool = True) -> Any:
        """Returns the items of slots, in the order asked, as a batch.

        A slot that is asked for again gives an independent copy.

        ``repeats=False`` promises that no slot is asked for twice.
        """

    def write(self, slot: int, data: Any, meta: dict[str, Any] | None) -> None:
        """Replaces payload and meta of a slot; None keeps what is there."""

    def drop(self, slots: Sequence[int]) -> None:
        """Lets go of the items of slots."""

    def clear(self) -> None:
        """Lets go of everything."""

    def state_dict(self, slots: Sequence[int]) -> dict[str, Any]:
        """Returns the content of slots, in that order: ``data`` and ``meta``, a list each.

        What is in them is shared, not copied.
        """

    def stats(self) -> Mapping[str, Any]:
        """Returns what ``buffer.stats()`` shows of the storage."""

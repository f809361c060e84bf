"""What a storage must do: hold items at slots, and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ding_buffer.core.batch import MetaColumns
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.core.item import BufferedData
from ding_buffer.storages.content import Content
from ding_buffer.structures.consecutive_slots import SlotRuns

Names = Callable[[np.ndarray], IndexColumn]
"""From live slots to the indices of their items."""


class Storage(Protocol):
    """Where items lie. A storage knows slots only.

    Which slot is whose, which is older, and which is free is the store's business.

    The store calls it under its lock, with slots that are valid; a slot that is ``put`` is free, or holds the
    oldest item, which gives way. Slots of an empty storage are first used in ascending order. An item that
    ``check`` let pass must not be refused by ``put`` or ``write``: by then others have given way. Slots come
    as a sequence of int or as an int64 array.
    """

    strict: bool
    """Whether ``check`` may refuse an item; a storage that takes anything is not asked."""
    columnar: bool
    """Whether items lie in columns: copied in and out, and taken as a ``BufferedBatch``. See ``Columnar``."""
    shared: bool
    """Whether other processes push into it too: then it wants a ``SharedStore``."""

    on_retarget: Callable[[], None] | None
    """What to call when ``target`` would return something else; set by the store after ``bind``."""
    held: Callable[[], int] | None
    """Tells how many items there are, one that is being put included; set by the store after ``bind``."""

    def bind(self, capacity: int, names: Names) -> None:
        """Called once by the store before anything else: how many slots there are, and who is in them."""

    def check(self, data: Any, meta: Mapping[str, Any]) -> None:
        """Raises for an item that cannot be stored (wrong shape or type): asked before anything changes."""

    def put(self, slot: int, data: Any, index: str, meta: dict[str, Any]) -> BufferedData:
        """Stores one item in a slot and returns it."""

    def target(self) -> Any:
        """Returns where ``FastPush`` may write: a list of items by slot, a plan of tables, or None.

        To tables it writes items without a meta only. The same object as long as it is the same memory.
        """

    def item(self, slot: int) -> BufferedData:
        """Returns the item of a slot: the stored one itself, or of columns a copy."""

    def take(self, slots: Any, repeats: bool = True) -> Any:
        """Returns the items of slots, in the order asked, as a batch.

        A slot that is asked for again gives an independent copy.

        ``repeats=False`` promises that no slot is asked for twice.
        """

    def meta(self, slot: int) -> Mapping[str, Any]:
        """Returns the meta of one slot, to be read only."""

    def meta_of(self, slot: int, key: str) -> Any:
        """Returns one key of the meta of one slot, None where it is missing."""

    def metas(self, slots: Any, key: str) -> tuple[Sequence[Any] | np.ndarray, np.ndarray | None]:
        """Returns one meta key of slots: a value each, and a bool array of which have it (None: all)."""

    def set_metas(self, slots: Any, key: str, values: Any) -> None:
        """Writes one meta key of slots, an array or list of values; of a slot named twice the last stays."""

    def write(self, slot: int, data: Any, meta: dict[str, Any] | None) -> None:
        """Replaces payload and meta of a slot; None keeps what is there."""

    def drop(self, slots: Sequence[int]) -> None:
        """Lets go of the items of slots."""

    def clear(self) -> None:
        """Lets go of everything."""

    def state_dict(self, slots: Any, copy: bool = True) -> dict[str, Any]:
        """Returns the content of slots (an int64 array or ``SlotRuns``), in that order.

        Objects in it are shared, columns are copies. With ``copy=False`` columns may show the storage's own
        memory (``RowPieces``), to be read before the next change other than ``fill``.
        """

    def content(self, state: Mapping[str, Any], count: int, skipped: int) -> Content:
        """Returns the content of a state of ``count`` items, less the first ``skipped``, ready for ``fill``.

        Raises ``ValueError``, ``TypeError`` or ``KeyError`` where the state does not fit together,
        ``SchemaError`` where the storage cannot hold it; changes nothing.
        """

    def fill(self, slots: np.ndarray | SlotRuns, content: Any, names: IndexColumn) -> None:
        """Replaces everything by a ``content``: its items in these slots, by these indices.

        Rows of it may still lie in a file: raises ``CorruptSnapshot``, before anything has changed, where
        they are damaged.
        """

    def stats(self) -> Mapping[str, Any]:
        """Returns what ``buffer.stats()`` shows of the storage."""


class Columnar(Storage, Protocol):
    """A storage of columns, which takes and gives many items at once."""

    wrap: Callable[[Any], Any] | None
    """What makes a payload of the containers of one row of a batch; None where they are one."""

    def stacked(self, batch: Any) -> tuple[Any, int]:
        """Returns many payloads as columns, checked, and how many there are; changes nothing.

        ``batch`` is a list of payloads, or a mapping or tree of stacked columns. Where the storage is empty
        and learns its schema from the first item, all are held against the first. Raises ``SchemaError``.
        """

    def put_many(self, slots: np.ndarray, columns: Any, rows: slice, metas: MetaColumns) -> None:
        """Stores these rows of ``stacked`` columns in distinct slots."""

    def returned(self, columns: Any) -> Any:
        """Returns ``stacked`` columns as the ``data`` of a batch."""

    def read(self, slots: np.ndarray, path: tuple[Any, ...]) -> Any:
        """Returns one field of slots (int64, any shape): stacked, in new memory. Raises ``SchemaError``."""

    def value_of(self, slot: int, path: tuple[Any, ...]) -> Any:
        """Returns one field of one slot, in new memory. Raises ``SchemaError``."""

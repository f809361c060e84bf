"""Buffers of the pipeline whose items lie in a ``DequeBuffer``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from os import PathLike
from pathlib import Path
from typing import Any

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.buffers.snapshot import write_snapshot
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import BadArgument, CorruptSnapshot
from ding_buffer.pipeline.data_buffer import NOT_GIVEN, DataBuffer, is_size, whole
from ding_buffer.pipeline.original_files import original_rows
from ding_buffer.pipeline.state_files import beside, new_directory, open_state, restoring
from ding_buffer.pipeline.timestamping_queue import own
from ding_buffer.pipeline.type_parameters import T

_FILE = "items.snapshot"


class StoredBuffer(DataBuffer[T, Any]):
    """Keeps rows of fields, or values, in a ``DequeBuffer`` of ``max_size`` items.

    Nothing is stored of an item that is refused; a mapping is copied, not what it holds. Safe to use from
    many threads: whoever reads never meets half an item. (A subclass whose ``add`` changes something that its
    ``get_data`` or ``sample`` reads says ``has_own_lock = False``: then a ``DataUser`` keeps them apart.)
    """

    has_own_lock = True

    def __init__(
        self,
        collecting_data_names: Any,
        max_size: Any,
        layers: Sequence[Middleware] = (),
        *,
        max_queue_size: Any = NOT_GIVEN,
        seed: int | None = None,
    ) -> None:
        size = size_of(type(self).__name__, collecting_data_names, max_size)
        if is_size(collecting_data_names):
            self._max_size = self.max_size = size
            super().__init__(max_queue_size=size if max_queue_size is NOT_GIVEN else max_queue_size)
        else:
            super().__init__(collecting_data_names, size, max_queue_size=max_queue_size)
        # A DequeBuffer has room for something; without room nothing is ever pushed.
        self._items = DequeBuffer(max(size, 1), seed=seed).use(*layers)

    def add(self, step_data: Any) -> None:
        """Stores one item; raises a ``KeyError`` for a field that is missing.

        (With exact keys a ``ValueError``, also for one too many.)
        """
        fields = self.field_rows
        if fields is None:
            row = own(step_data)
        elif type(step_data) is dict and not fields.exact:
            try:
                row = fields.quick(step_data)
            except KeyError:
                raise fields.missing(step_data) from None
        else:
            row = fields.row(step_data)
        if self.max_size:
            self._items.push(row)

    def _rows(self) -> list[Any]:
        """Returns what is held, in the order that ``get_data`` has."""
        store = self._items.store
        with store.lock:
            return [item.data for item in store.items(self._order())]

    def _order(self) -> list[int]:
        return self._items.store.live()

    def get_data(self) -> Any:
        """Returns all items: a list for each field, or one list."""
        rows = self._rows()
        return rows if self.field_rows is None else self.field_rows.columns(rows)

    def sample(self, batch_size: int, replace: bool = False) -> Any:
        """Returns as many random items in the form of ``get_data``, without a copy of the rest."""
        rows = [item.data for item in self._items.sample(batch_size, replace=replace)]
        return rows if self.field_rows is None else self.field_rows.columns(rows)

    def __len__(self) -> int:
        return len(self._items)

    @property
    def _current_size(self) -> int:
        return len(self._items)

    def save_state(self, path: str | PathLike[str]) -> None:
        """Writes items, order and generator: of named fields to a new directory, of values to one file.

        The file is ``path`` with ``.snapshot`` after it. It is written whole or not at all.
        """
        state = {
            "fields": None if self.field_rows is None else list(self.field_rows.names),
            "items": self._items.state_dict(),
        }
        if self._one_file:
            write_snapshot(beside(path), state)
            return
        with new_directory(path) as directory:
            write_snapshot(directory / _FILE, state)

    @property
    def _one_file(self) -> bool:
        return self.field_rows is None or self.exact_keys

    def load_state(self, path: str | PathLike[str]) -> None:
        """Replaces the content by what was saved there, by this class or by PAMIQ-Core's of the same name.

        Of more items than there is room for, the newest are kept (those in the first places where new items
        replace random ones). Nothing in a file is ever run, and nothing changes where it does not fit
        (``CorruptSnapshot``) or is not there (``FileNotFoundError``).
        """
        one, many = beside(path), Path(path) / _FILE
        ours = [file for file in ((one, many) if self._one_file else (many, one)) if file.is_file()]
        if not ours:
            self._replace(self._kept(original_rows(Path(path), self.field_rows)))
            return
        with open_state(ours[0], "fields", "items") as state:
            self._fit(_payloads(state["items"]), state["fields"])
            if self.max_size:
                self._take_back(state["items"])

    def _fit(self, rows: list[Any], saved: Any) -> None:
        """Gives the rows the order that the fields have here; raises ``CorruptSnapshot`` for others."""
        names = None if self.field_rows is None else list(self.field_rows.names)
        if names is None is saved:
            return
        if (
            names is None
            or not isinstance(saved, list)
            or len(saved) != len(names)
            or any(name not in saved for name in names)
        ):
            raise CorruptSnapshot(f"it holds the fields {saved}; this buffer has {names}.")
        if any(type(row) is not tuple or len(row) != len(saved) for row in rows):
            raise CorruptSnapshot(f"not every row has the fields {saved}.")
        if saved != names:
            places = [saved.index(name) for name in names]
            rows[:] = [tuple(row[place] for place in places) for row in rows]

    def _take_back(self, state: Mapping[str, Any]) -> None:
        self._items.load_state_dict(state)

    def _kept(self, rows: list[Any]) -> list[Any]:
        """Returns those rows for which there is room."""
        return rows[max(0, len(rows) - self.max_size) :]

    def _replace(self, rows: Sequence[Any]) -> None:
        with restoring(self._items):
            self._items.clear()
            self._items.extend(rows)

    def _restoring(self) -> AbstractContextManager[None]:
        loads_more = type(self).load_state is not StoredBuffer.load_state
        return super()._restoring() if loads_more else restoring(self._items)

    def __repr__(self) -> str:
        what = "values" if self.field_rows is None else ", ".join(self.field_rows.names)
        return f"{type(self).__name__}({what}; {len(self)} of {self.max_size})"


def size_of(kind: str, first: Any, max_size: Any) -> int:
    """Returns the size of a buffer, which is the first argument or, after names of fields, the second.

    Raises ``BadArgument`` where it is neither, or not an int of at least 0.
    """
    given = [size for size in (first, max_size) if size is not NOT_GIVEN] if is_size(first) else [max_size]
    if len(given) != 1 or given[0] is NOT_GIVEN:
        raise BadArgument(f"{kind} needs max_size, or names of fields and max_size.")
    return whole("max_size", given[0])


def _payloads(state: Any) -> list[Any]:
    try:
        rows = state["store"]["storage"]["data"]
    except (LookupError, TypeError) as error:
        raise CorruptSnapshot(f"it is not the state of a buffer of objects: {error}.") from error
    if not isinstance(rows, list):
        raise CorruptSnapshot(f"it holds no list of items, but a {type(rows).__name__}.")
    return rows

"""Buffers of the pipeline whose items lie in a ``DequeBuffer``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import BadArgument, CorruptSnapshot
from ding_buffer.pipeline.data_buffer import NOT_GIVEN, DataBuffer, whole
from ding_buffer.pipeline.original_files import original_rows
from ding_buffer.pipeline.state_files import beside, new_directory, read_state, write_state
from ding_buffer.pipeline.timestamping_queue import own
from ding_buffer.pipeline.type_parameters import T

_FILE = "items.snapshot"


class StoredBuffer(DataBuffer[T, Any]):
    """Keeps rows of fields, or values, in a ``DequeBuffer`` of ``max_size`` items.

    Nothing is stored of an item that is refused; a mapping is copied, not what it holds. Safe to use from
    many threads: whoever reads never meets half an item.
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
        if collecting_data_names is NOT_GIVEN or isinstance(collecting_data_names, int):
            given = [size for size in (collecting_data_names, max_size) if size is not NOT_GIVEN]
            if len(given) != 1:
                raise BadArgument(f"{type(self).__name__} needs max_size, or names of fields and max_size.")
            self._max_size = self.max_size = whole("max_size", given[0])
            super().__init__(max_queue_size=self.max_size if max_queue_size is NOT_GIVEN else max_queue_size)
        elif collecting_data_names is None:
            raise BadArgument("max_size must be an int, got None.")
        else:
            super().__init__(collecting_data_names, max_size, max_queue_size=max_queue_size)
        # A DequeBuffer has room for something; without room nothing is ever pushed.
        self._items = DequeBuffer(max(self.max_size, 1), seed=seed).use(*layers)
        self._quick: Callable[[Any], Any] = own if self.fields is None else self.fields.quick
        self._plain = self.fields is None or not self.exact_keys
        self._settle()

    def _settle(self) -> None:
        """Fetches the shortest way to push, which a load or a layer may change."""
        self._push: Callable[[Any], Any] = self._items.push if self.max_size else _forget

    def add(self, step_data: Any) -> None:
        """Stores one item; raises a ``KeyError`` for a field that is missing.

        (With exact keys a ``ValueError``, also for one too many.)
        """
        if self.fields is None:
            self._push(self._quick(step_data))
            return
        if type(step_data) is dict and self._plain:
            try:
                row = self._quick(step_data)
            except KeyError:
                raise self.fields.missing(step_data) from None
            self._push(row)
            return
        self._push(self.fields.row(step_data))

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
        return rows if self.fields is None else self.fields.columns(rows)

    def sample(self, batch_size: int, replace: bool = False) -> Any:
        """Returns as many random items in the form of ``get_data``, without a copy of the rest."""
        rows = [item.data for item in self._items.sample(batch_size, replace=replace)]
        return rows if self.fields is None else self.fields.columns(rows)

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
            "fields": None if self.fields is None else list(self.fields.names),
            "items": self._items.state_dict(),
        }
        if self._one_file:
            write_state(beside(path), state)
            return
        with new_directory(path) as directory:
            write_state(directory / _FILE, state)

    @property
    def _one_file(self) -> bool:
        return self.fields is None or self.exact_keys

    def load_state(self, path: str | PathLike[str]) -> None:
        """Replaces the content by what was saved there, by this class or by PAMIQ-Core's of the same name.

        Of more items than there is room for, the newest are kept. Nothing in a file is ever run, and nothing
        changes where it does not fit: ``CorruptSnapshot``.
        """
        ours = [file for file in (beside(path), Path(path) / _FILE) if file.is_file()]
        if ours:
            self._load(ours[0])
        else:
            self._replace(self._kept(original_rows(Path(path), self.fields, self.exact_keys)))
        self._settle()

    def _load(self, file: Path) -> None:
        state = read_state(file, "fields", "items")
        rows = _payloads(state["items"], file)
        self._fit(rows, state["fields"], file)
        if self.max_size:
            self._take_back(state["items"])

    def _fit(self, rows: list[Any], saved: Any, file: Path) -> None:
        """Gives the rows the order that the fields have here; raises ``CorruptSnapshot`` for others."""
        names = None if self.fields is None else list(self.fields.names)
        if names is None or not isinstance(saved, list) or set(saved) != set(names):
            if names is None is saved:
                return
            raise CorruptSnapshot(f"{file}: it holds the fields {saved}; this buffer has {names}.")
        if any(type(row) is not tuple or len(row) != len(saved) for row in rows):
            raise CorruptSnapshot(f"{file}: not every row has the fields {saved}.")
        if saved != names:
            places = [saved.index(name) for name in names]
            rows[:] = [tuple(row[place] for place in places) for row in rows]

    def _take_back(self, state: Mapping[str, Any]) -> None:
        self._items.load_state_dict(state)

    def _kept(self, rows: list[Any]) -> list[Any]:
        """Returns those rows for which there is room."""
        return rows[max(0, len(rows) - self.max_size) :]

    def _replace(self, rows: Sequence[Any]) -> None:
        with self._items.store.lock:
            self._items.clear()
            self._items.extend(rows)

    def __repr__(self) -> str:
        what = "values" if self.fields is None else ", ".join(self.fields.names)
        return f"{type(self).__name__}({what}; {len(self)} of {self.max_size})"


def _payloads(state: Any, file: Path) -> list[Any]:
    try:
        rows: list[Any] = state["store"]["storage"]["data"]
    except (KeyError, TypeError) as error:
        raise CorruptSnapshot(f"{file}: it is not the state of a buffer: {error!r} is missing.") from error
    return rows


def _forget(row: Any) -> None:
    """Stores nothing: there is no room."""

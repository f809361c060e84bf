"""The data users of a system."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument
from ding_buffer.core.lock import FairLock
from ding_buffer.pipeline.data_buffer import DataBuffer
from ding_buffer.pipeline.data_collectors_dict import DataCollectorsDict
from ding_buffer.pipeline.data_user import DataUser
from ding_buffer.pipeline.persistent_state import PersistentStateMixin
from ding_buffer.pipeline.state_files import file_name, new_directory

if TYPE_CHECKING:
    from typing_extensions import Self

AnyBuffer = DataBuffer[Any, Any] | DequeBuffer


class DataUsersDict(UserDict[str, DataUser[Any]], PersistentStateMixin):
    """Data users by name, and with each its collector, in ``data_collectors_dict``.

    A user whose collector somebody has acquired can be neither replaced nor removed: what is collected would
    go nowhere. Release it first.
    """

    def __init__(
        self,
        users: Mapping[str, DataUser[Any]] | Iterable[tuple[str, DataUser[Any]]] | None = None,
        /,
        **more: DataUser[Any],
    ) -> None:
        self._lock = FairLock()
        self._collectors = DataCollectorsDict()
        super().__init__(users, **more)

    @property
    def data_collectors_dict(self) -> DataCollectorsDict:
        """The collectors of these users, by the same names; the same object each time."""
        return self._collectors

    @classmethod
    def from_data_buffers(
        cls,
        buffers: Mapping[str, AnyBuffer] | Iterable[tuple[str, AnyBuffer]] | None = None,
        /,
        **more: AnyBuffer,
    ) -> Self:
        """Makes a user for each buffer."""
        return cls({name: DataUser(buffer) for name, buffer in {**dict(buffers or {}), **more}.items()})

    def __setitem__(self, name: str, user: DataUser[Any]) -> None:
        if not isinstance(name, str) or not isinstance(user, DataUser):
            raise BadArgument(
                f"A DataUsersDict has a DataUser by its name, a str; got {name!r}: {type(user).__name__}."
            )
        with self._lock:
            self._collectors[name] = user.collector
            super().__setitem__(name, user)

    def __delitem__(self, name: str) -> None:
        with self._lock:
            if name in self.data:
                del self._collectors[name]
            super().__delitem__(name)

    def clear(self) -> None:
        """Removes all users, or none where somebody has a collector of theirs."""
        with self._lock:
            self._collectors.clear()
            self.data.clear()

    def save_state(self, path: str | PathLike[str]) -> None:
        """Writes every user into a new directory, which appears when it is whole."""
        with self._lock, new_directory(path) as directory:
            for name, user in self.data.items():
                user.save_state(directory / file_name(name))

    def load_state(self, path: str | PathLike[str]) -> None:
        """Lets every user take back its state; who has acquired which collector stays as it is.

        Where the state of one is missing (``FileNotFoundError``) or does not fit (``CorruptSnapshot``), no
        user changes: what those before it have loaded is undone. A buffer with a ``load_state`` of its own
        is saved for that, to a temporary directory, and loaded again.
        """
        with self._lock, ExitStack() as loaded:
            places = {name: Path(path) / file_name(name) for name in self.data}
            for name, place in places.items():
                if not place.is_dir():
                    raise FileNotFoundError(f"There is no saved state of the data user '{name}': {place}.")
            for user in self.data.values():  # all first: two of them may have the same store
                loaded.enter_context(user._lock)
            for name, place in places.items():
                loaded.enter_context(self.data[name]._restoring())
                self.data[name].load_state(place)

"""Which stream an item belongs to and whether it ends its episode, wherever that is written."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.core.batch import column_values
from ding_buffer.core.copies import is_tensor
from ding_buffer.core.payload_fields import field_of, has_field, plain_scalar
from ding_buffer.storages.store import Store

Streams = Sequence[Hashable] | npt.NDArray[Any] | None

_NOBODY = "a stream of its own"


class StreamReader:
    """Reads streams and ends of stored items, one or many, of objects and of columns.

    A stream is ``meta[stream]``, with ``meta[episode]`` where an item has one; without either all items are
    one stream. An item ends its episode if one of the flags ``ends`` is true, each a field of the payload or,
    where that has none, a key of the meta. None in place of a name is not looked for. Never raises for what
    items hold: one whose name has no hash is a stream of its own, and counted.
    """

    def __init__(
        self, store: Store, stream: str | None, episode: str | None, ends: Sequence[str | None]
    ) -> None:
        self._store = store
        self._keys = (stream, episode)
        self._ends = tuple(dict.fromkeys(name for name in ends if name is not None))
        self.meta_keys = frozenset({key for key in (stream, episode) if key is not None} | {*self._ends})
        """The keys of a meta that tell something here."""
        self._schema: Any = None
        self._paths: list[tuple[str]] = []  # of flags that are fields of the payload of a column storage
        self._elsewhere: list[str] = []  # those that are not
        self.unnamed = 0
        """How many items had a name that cannot be one."""

    def read_one(self, slot: int) -> tuple[Hashable, bool]:
        """Returns the stream of one item and whether it ends its episode."""
        storage: Any = self._store.storage
        stream, episode = self._keys
        if not storage.columnar:
            item = storage.item(slot)
            meta = item.meta
            end = self._ended(item.data, meta)
            name, number = meta.get(stream), None if episode is None else meta.get(episode)
        else:
            value_of = storage.meta_of
            end = bool(self._ends) and self._ended_at(slot)
            name = None if stream is None else value_of(slot, stream)
            number = None if episode is None else value_of(slot, episode)
        if number is None and (name is None or type(name) is int):
            return name, end
        name, alone = self._name(name, number)
        return name, end or alone

    def _ended_at(self, slot: int) -> bool:
        """Tells of one item of a column storage whether it ends its episode."""
        storage: Any = self._store.storage
        for path in self._fields():
            if _truth(storage.value_of(slot, path)):
                return True
        return bool(self._elsewhere) and any(_truth(storage.meta_of(slot, name)) for name in self._elsewhere)

    def read(self, slots: np.ndarray) -> tuple[Streams, npt.NDArray[np.bool_]]:
        """Returns the streams of many items, None for one and the same, and which end their episode."""
        storage = self._store.storage
        if not storage.columnar:
            pairs = [self.read_one(slot) for slot in slots.tolist()]
            return [name for name, _ in pairs], np.array([end for _, end in pairs], dtype=bool)
        ends = np.zeros(len(slots), dtype=bool)
        if len(slots):
            for path in self._fields():
                ends |= self._flags(slots, path)
            for flag in self._elsewhere:
                ends |= self._flags_of_metas(slots, flag)
        streams, episodes = (self._column(slots, key) for key in self._keys)
        if episodes is None and (streams is None or isinstance(streams, np.ndarray)):
            return streams, ends
        absent = [None] * len(slots)
        pairs = [
            self._name(*pair)
            for pair in zip(
                absent if streams is None else streams, absent if episodes is None else episodes, strict=True
            )
        ]
        return [name for name, _ in pairs], ends | np.array([alone for _, alone in pairs], dtype=bool)

    def _name(self, stream: Any, episode: Any) -> tuple[Hashable, bool]:
        """Returns the name of a stream, and whether it is none that another item can have."""
        try:
            stream = plain_scalar(stream)
            name = stream if episode is None else (stream, plain_scalar(episode))
            hash(name)
        except (TypeError, ValueError, RuntimeError):
            self.unnamed += 1
            return (_NOBODY, self.unnamed), True
        return name, False

    def _ended(self, data: Any, meta: Mapping[str, Any]) -> bool:
        return any(
            _truth(field_of(data, name)) if has_field(data, name) else _truth(meta.get(name))
            for name in self._ends
        )

    def _column(self, slots: np.ndarray, key: str | None) -> Any:
        """Returns a key of metas: an array where all are whole numbers, None where nobody has it."""
        if key is None or not len(slots):
            return None
        values, there = self._store.storage.metas(slots, key)
        if there is not None and not there.any():
            return None
        whole = isinstance(values, np.ndarray) and values.dtype.kind in "iub"
        if whole and (there is None or there.all()):
            return values
        return column_values({key: (values, there)}, key, len(slots))

    def _fields(self) -> list[tuple[str]]:
        """Returns the flags that are fields of the payload, the same for all items of a column storage."""
        schema = self._store.storage.schema  # type: ignore[attr-defined]
        if schema is not self._schema:
            self._schema, paths = schema, {field.path for field in schema.fields}
            self._paths = [(name,) for name in self._ends if (name,) in paths]
            self._elsewhere = [name for name in self._ends if (name,) not in paths]
        return self._paths

    def _flags(self, slots: np.ndarray, path: tuple[str]) -> npt.NDArray[np.bool_]:
        flags = self._store.storage.read(slots, path)  # type: ignore[attr-defined]
        if is_tensor(flags):
            flags = flags.numpy()
        if not isinstance(flags, np.ndarray) or flags.dtype.hasobject:
            return np.array([_truth(flag) for flag in flags], dtype=bool)
        return np.asarray(flags.reshape(len(slots), -1).any(axis=1))

    def _flags_of_metas(self, slots: np.ndarray, name: str) -> npt.NDArray[np.bool_] | bool:
        values, there = self._store.storage.metas(slots, name)
        if there is not None and not there.any():
            return False
        told = column_values({name: (values, there)}, name, len(slots))
        return np.array([_truth(value) for value in told], dtype=bool)


def _truth(flag: Any) -> bool:
    """Returns a flag as a bool; of several, whether one is true."""
    try:
        return bool(flag)
    except (TypeError, ValueError, RuntimeError):
        return bool(np.asarray(flag).any())

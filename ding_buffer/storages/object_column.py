"""What lies in no table: objects and arrays of varying length, by slot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ding_buffer.core.copies import clone
from ding_buffer.kernels.chosen import take_objects

_REFERENCE = 8


class ObjectColumn:
    """One object for each slot, by reference; grows up to the highest slot used."""

    def __init__(self) -> None:
        self._items: list[Any] = []

    def put(self, slot: int, value: Any) -> None:
        """Stores one value."""
        try:
            self._items[slot] = value
        except IndexError:
            self._items.extend([None] * (slot - len(self._items)))
            self._items.append(value)

    def put_many(self, slots: Sequence[int], values: Iterable[Any]) -> None:
        """Stores one value in each slot."""
        for slot, value in zip(slots, values, strict=True):
            self.put(slot, value)

    def row(self, slot: int) -> Any:
        """Returns the value of a slot."""
        return self._items[slot]

    def take(self, slots: Sequence[int] | np.ndarray) -> list[Any]:
        """Returns the values of slots; raises IndexError for one beyond the highest used."""
        return take_objects(self._items, np.asarray(slots, dtype=np.int64))

    def take_apart(self, slots: Sequence[int]) -> np.ndarray:
        """Returns the values of slots as an array of objects; each further one of a slot is a deep copy."""
        values = self.take(slots)
        if len(set(slots)) < len(slots):
            seen: set[int] = set()
            for place, slot in enumerate(slots):
                if slot in seen:
                    values[place] = clone(values[place])
                seen.add(slot)
        # An array made of them in one go would take lists of one length for a dimension.
        return np.fromiter(values, dtype=object, count=len(values))

    def drop(self, slots: Iterable[int]) -> None:
        """Lets go of the values of slots."""
        for slot in slots:
            if slot < len(self._items):
                self._items[slot] = None

    def clear(self) -> None:
        """Lets go of all values."""
        self._items.clear()

    @property
    def nbytes(self) -> int:
        """How many bytes the references take."""
        return _REFERENCE * len(self._items)

    def used_bytes(self, count: int) -> int:
        """How many bytes ``count`` rows take."""
        return _REFERENCE * count


class RaggedSlots(ObjectColumn):
    """One array for each slot, of one dtype, copied in."""

    def __init__(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        super().__init__()
        self.dtype = dtype
        self.shape = shape
        self._held = 0

    def put(self, slot: int, value: Any) -> None:
        """Stores a copy of one array or list of numbers."""
        made = np.array(value, dtype=self.dtype).reshape(-1, *self.shape)
        self.drop((slot,))
        super().put(slot, made)
        self._held += made.nbytes

    def drop(self, slots: Iterable[int]) -> None:
        """Lets go of the arrays of slots."""
        for slot in slots:
            if slot < len(self._items) and self._items[slot] is not None:
                self._held -= self._items[slot].nbytes
                self._items[slot] = None

    def clear(self) -> None:
        """Lets go of all arrays."""
        super().clear()
        self._held = 0

    @property
    def nbytes(self) -> int:
        """How many bytes the references and the numbers take."""
        return super().nbytes + self._held

    def used_bytes(self, count: int) -> int:
        """How many bytes ``count`` rows take, of all arrays held."""
        return super().used_bytes(count) + self._held

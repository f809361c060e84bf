"""The indices of a batch, written when somebody looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np


class IndexColumn(Sequence[Any]):
    """The public keys of many items, in order, as texts that are made when they are looked at.

    ``update``, ``delete`` and ``get_by_index`` take it as it is and need no text at all. It keeps naming the
    same items whatever becomes of the buffer. A filler, which is no item, has None.

    ``serials`` are the serial numbers, int64, -1 for a filler, or a range or a ``LaterSerials``. ``text`` is
    what wrote the indices of that store (an ``IndexText``).
    """

    __slots__ = ("_serials", "text")

    def __init__(self, serials: Any, text: Any) -> None:
        self._serials = serials
        self.text = text

    @property
    def serials(self) -> np.ndarray:
        """The serial numbers, int64, shape (n,)."""
        serials: Any = self._serials
        if type(serials) is range:
            serials = self._serials = np.arange(serials.start, serials.stop)
        made: np.ndarray = serials() if callable(serials) else serials
        return made

    @property
    def later(self) -> Any:
        """What computes the serials when asked; None where they are known."""
        return self._serials if callable(self._serials) else None

    def __len__(self) -> int:
        return len(self._serials)

    def __getitem__(self, place: Any) -> Any:
        """Returns one index, or for a slice or an array of places the column of these."""
        if isinstance(place, (slice, np.ndarray)):
            return IndexColumn(self.serials[place], self.text)
        serial = int(self.serials[place])
        return self.text.write(serial) if serial >= 0 else None

    def __iter__(self) -> Iterator[Any]:
        write = self.text.write
        return (write(serial) if serial >= 0 else None for serial in self.serials.tolist())

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, (list, IndexColumn)) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return IndexColumn, (self.serials, self.text)

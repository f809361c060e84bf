"""Numbers for episodes, each given once in a buffer."""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt


class EpisodeNumbers:
    """Hands out numbers, counting up from 0, to all who record into one buffer."""

    def __init__(self) -> None:
        self.next = 0
        """The lowest number not given out."""
        self._lock = threading.Lock()

    @staticmethod
    def of(buffer: Any) -> EpisodeNumbers:
        """Returns the numbers of a buffer, the same for all its views; they live as long as it does."""
        store = getattr(buffer, "store", None)
        with _LOCK:
            return _NUMBERS.setdefault(buffer if store is None else store, EpisodeNumbers())

    def take(self, count: int) -> npt.NDArray[np.int64]:
        """Gives out the next ``count`` numbers."""
        with self._lock:
            first, self.next = self.next, self.next + count
        return np.arange(first, first + count, dtype=np.int64)

    def skip_to(self, number: int) -> None:
        """Gives out no number below this one from now on."""
        with self._lock:
            self.next = max(self.next, number)


_NUMBERS: WeakKeyDictionary[Any, EpisodeNumbers] = WeakKeyDictionary()
_LOCK = threading.Lock()

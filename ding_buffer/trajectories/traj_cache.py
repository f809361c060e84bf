"""Trajectories that need not be read and decoded again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from ding_buffer.core.number_checks import check_whole


class TrajCache:
    """Keeps the trajectories used last, as many as ``max_bytes`` hold; 0 keeps none.

    ``stamp`` says which state of a file was read: with another one it is read anew. A copy in another process
    begins empty: it would be sent all that is kept.
    """

    def __init__(self, max_bytes: int) -> None:
        check_whole("max_bytes", max_bytes, 0)
        self.max_bytes = max_bytes
        self.nbytes = 0
        self.hits = 0
        self.misses = 0
        self._held: OrderedDict[Hashable, tuple[Any, Any, int]] = OrderedDict()

    def __reduce__(self) -> Any:
        return TrajCache, (self.max_bytes,)

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: Hashable, stamp: Any) -> Any:
        """Returns what is kept under a key, or None."""
        found = self._held.get(key)
        if found is None or found[0] != stamp:
            self.misses += 1
            self.drop(key)
            return None
        self.hits += 1
        self._held.move_to_end(key)
        return found[1]

    def put(self, key: Hashable, stamp: Any, traj: Any) -> None:
        """Keeps a trajectory, by reference; what was not used for longest makes room."""
        self.drop(key)
        size = traj.nbytes
        if size > self.max_bytes:
            return
        self._held[key] = (stamp, traj, size)
        self.nbytes += size
        while self.nbytes > self.max_bytes:
            self.drop(next(iter(self._held)))

    def drop(self, key: Hashable) -> None:
        """Keeps it no more."""
        found = self._held.pop(key, None)
        if found is not None:
            self.nbytes -= found[2]

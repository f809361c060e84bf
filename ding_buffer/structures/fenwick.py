"""Counts things by position and answers how many lie before one, and where the k-th of them lies."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.structures.slot_checks import checked_slots


class Fenwick:
    """Counts over the positions ``range(size)``: a change, a prefix sum or a search costs O(log size).

    Counts start at zero. None may fall below zero: the caller keeps to that, ``check`` finds out, and until
    it is so again the searches mean nothing. One number at a time is answered in plain Python on the same
    memory that numpy sees, since a numpy call costs more than the whole walk. Source: Fenwick 1994.
    """

    def __init__(self, size: int) -> None:
        if size < 0:
            raise ValueError(f"a size cannot be negative, got {size}")
        self._size = int(size)
        # Rounded up to a power of two the walks need no bounds; what lies beyond `size` counts nothing.
        self._width = 1 << max(self._size - 1, 0).bit_length()
        # tree[i] counts the (i & -i) positions that end at position i - 1; tree[0] stays zero.
        self._use(array("q", bytes(8 * (self._width + 1))))

    def _use(self, tree: array[int]) -> None:
        self._tree = tree
        self._view: npt.NDArray[np.int64] = np.frombuffer(tree, dtype=np.int64)

    def __getstate__(self) -> dict[str, Any]:
        return {"size": self._size, "width": self._width, "tree": self._tree}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._size, self._width = state["size"], state["width"]
        # A copy must see its own memory through both faces.
        self._use(array("q", state["tree"]))

    def __len__(self) -> int:
        return self._size

    @property
    def total(self) -> int:
        """The sum of all counts."""
        return self._tree[self._width]

    def add(self, position: int, delta: int) -> None:
        """Changes the count at a position; raises IndexError for one out of range."""
        if not 0 <= position < self._size:
            raise IndexError(f"position {position} is out of range: positions go from 0 to {self._size - 1}")
        tree, width = self._tree, self._width
        at = position + 1
        while at <= width:
            tree[at] += delta
            at += at & -at

    def add_many(self, positions: npt.ArrayLike, delta: npt.ArrayLike) -> None:
        """Changes the counts at many positions, each by its own delta or all by one.

        A position named twice is changed twice. Raises IndexError for a position out of range, with nothing
        changed.
        """
        positions = checked_slots(positions, self._size)
        deltas = np.asarray(delta)
        if deltas.dtype.kind not in "iu" and deltas.size:
            raise ValueError(f"counts are whole numbers, got a delta of {deltas.dtype}")
        if deltas.ndim and deltas.size != positions.size:
            raise ValueError(f"got {deltas.size} deltas for {positions.size} positions")
        deltas = np.broadcast_to(deltas.reshape(-1).astype(np.int64), positions.shape)
        if positions.size < 16:
            for position, change in zip(positions.tolist(), deltas.tolist(), strict=True):
                self.add(position, change)
        elif positions.size * 4 > self._width:
            counts = self.counts()
            np.add.at(counts, positions, deltas)
            self._build(counts)
        else:
            at = positions + 1
            while at.size:
                np.add.at(self._view, at, deltas)
                at = at + (at & -at)
                inside = at <= self._width
                if not inside.all():
                    at, deltas = at[inside], deltas[inside]

    def prefix(self, position: int) -> int:
        """Returns the sum of the counts of ``range(position)``; position lies in [0, size]."""
        if not 0 <= position <= self._size:
            raise IndexError(f"prefix {position} is out of range: prefixes go from 0 to {self._size}")
        tree = self._tree
        result = 0
        at = position
        while at:
            result += tree[at]
            at &= at - 1
        return result

    def prefix_many(self, positions: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Returns ``prefix`` of each position."""
        at = checked_slots(positions, self._size + 1)
        result = self._view.take(at, mode="clip")
        at = at & (at - 1)
        while at.any():
            result += self._view.take(at, mode="clip")
            at &= at - 1
        return result

    def select(self, k: int) -> int:
        """Returns the position of the k-th thing counted, from 0.

        That is the smallest position with ``prefix(position + 1) > k``.
        Raises IndexError unless k lies in [0, total).
        """
        if not 0 <= k < self.total:
            raise IndexError(f"number {k} is out of range: {self.total} are counted")
        tree = self._tree
        at = 0
        step = self._width >> 1
        while step:
            here = tree[at + step]
            if here <= k:
                at += step
                k -= here
            step >>= 1
        return at

    def select_many(self, ks: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Returns ``select`` of each number."""
        rest = checked_slots(ks, self.total)
        at = np.zeros(rest.size, dtype=np.int64)
        step = self._width >> 1
        while step:
            here = self._view.take(at + step, mode="clip")
            passed = here <= rest
            at += step * passed
            rest = rest - here * passed
            step >>= 1
        return at

    def rebuild(self, counts: npt.ArrayLike) -> None:
        """Sets all counts at once, in O(size).

        Raises ValueError for a wrong shape or a negative count, with nothing changed.
        """
        counts = np.asarray(counts)
        if counts.shape != (self._size,):
            raise ValueError(f"expected counts of shape ({self._size},), got {counts.shape}")
        if counts.size and (counts.dtype.kind not in "biu" or counts.min() < 0):
            raise ValueError("counts must be whole numbers >= 0")
        self._build(counts.astype(np.int64))

    def counts(self) -> npt.NDArray[np.int64]:
        """Returns the count at each position, in O(size): int64 of shape (size,), a copy."""
        # The building of _build, undone: from the widest nodes to the narrowest.
        nodes = self._view.copy()
        step = self._width >> 1
        while step:
            nodes[2 * step :: 2 * step] -= nodes[step : -1 : 2 * step]
            step >>= 1
        counts: npt.NDArray[np.int64] = nodes[1 : self._size + 1]
        return counts

    def check(self) -> None:
        """Raises RuntimeError if a count is negative or the sums do not fit together."""
        counts = self.counts()
        if counts.size and counts.min() < 0:
            raise RuntimeError(f"the count at position {int(counts.argmin())} is negative")
        twin = Fenwick(self._size)
        twin.rebuild(counts)
        if not np.array_equal(self._view, twin._view):
            raise RuntimeError("a node of the Fenwick tree disagrees with the counts")

    def _build(self, counts: npt.NDArray[np.int64]) -> None:
        nodes = self._view
        nodes[1 : self._size + 1] = counts
        nodes[self._size + 1 :] = 0
        step = 1
        while step < self._width:
            nodes[2 * step :: 2 * step] += nodes[step : -1 : 2 * step]
            step <<= 1

"""The sums of a tree, kept in step with its leaves: what ``tree_sums.c`` does, in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.numpy_checks import check_slots, integers
from ding_buffer.kernels.numpy_priorities import set_priorities
from ding_buffer.kernels.numpy_tree import SHIFT, Floats, Lows, tree_draw, tree_sum, weighed_draw

_PENDING = 4096


class TreeSums:
    """Keeps the sums of a tree in step with its leaves, ``levels[0]``.

    ``mark`` remembers which leaves were written; the nodes above them are summed by the next call that reads
    a sum, all at once. ``levels``, ``lows`` and ``starts`` are as ``tree_sum`` takes them, right but for the
    top; all changes happen in them.
    """

    __slots__ = ("_count", "_levels", "_lowest", "_lows", "_pending", "_starts", "_total")

    def __init__(self, levels: tuple[Floats, ...], lows: tuple[Lows, ...], starts: Floats) -> None:
        self._levels, self._lows, self._starts = levels, lows, starts
        self._pending = np.empty(_PENDING, dtype=np.int64)
        self._count = 0
        self._sum_above(np.empty(0, dtype=np.int64))

    @property
    def total(self) -> float:
        """The sum of all leaves."""
        self._settle()
        return self._total

    @property
    def lowest(self) -> float:
        """The smallest positive leaf, +inf where there is none."""
        self._settle()
        return self._lowest

    def mark(self, slots: Any, /) -> None:
        """Remembers that the leaves of these slots were written."""
        where = integers(slots, "slots")
        check_slots(where, self._levels[0].size)
        self._mark(where)

    def mark_one(self, slot: int, /) -> None:
        """Remembers that one leaf was written."""
        if not 0 <= slot < self._levels[0].size:
            check_slots(np.array([slot]), self._levels[0].size)
        if self._count == _PENDING:
            self._settle()
        self._pending[self._count] = slot >> SHIFT
        self._count += 1

    def sum_all(self) -> None:
        """Sums every node anew."""
        self._count = 0
        self._sum_above(None)

    def find(self, targets: npt.ArrayLike, /) -> npt.NDArray[np.int64]:
        """Returns the leaf under each point of the prefix sum; see ``tree_draw``."""
        self._settle()
        return tree_draw(self._levels, self._starts, targets)

    def draw(
        self, rng: np.random.Generator, n: int, stratified: bool, exponent: float, /
    ) -> tuple[npt.NDArray[np.int64], Floats] | None:
        """Draws n leaves with ``rng.random(n)``; returns them, and (mass / lowest) ** exponent of each.

        None where all leaves are zero. See ``weighed_draw``.
        """
        if n < 0:
            raise ValueError(f"cannot draw {n} leaves")
        self._settle()
        if self._total == 0.0:
            return None
        return weighed_draw(
            self._levels, self._starts, rng.random(n), stratified, self._total, self._lowest, exponent
        )

    def weigh(
        self,
        priorities: Floats,
        live: npt.NDArray[np.bool_],
        slots: npt.ArrayLike,
        given: npt.ArrayLike,
        epsilon: float,
        alpha: float,
        highest: float,
        /,
    ) -> int:
        """Writes masses and priorities as ``set_priorities`` does, and marks their leaves."""
        where = integers(slots, "slots")
        became = set_priorities(self._levels[0], priorities, live, where, given, epsilon, alpha, highest)
        self._mark(where)
        return became

    def _mark(self, slots: npt.NDArray[np.int64]) -> None:
        count = slots.size
        if count > _PENDING:
            self._settle()
            self._sum_above(slots >> SHIFT)
            return
        if self._count + count > _PENDING:
            self._settle()
        np.right_shift(slots, SHIFT, out=self._pending[self._count : self._count + count])
        self._count += count

    def _settle(self) -> None:
        count, self._count = self._count, 0
        if count:
            self._sum_above(self._pending[:count])

    def _sum_above(self, nodes: npt.NDArray[np.int64] | None) -> None:
        self._total, self._lowest = tree_sum(self._levels, self._lows, self._starts, nodes)

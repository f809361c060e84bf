"""Which windows to take, each legal one alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ding_buffer.core.errors import NotEnoughItems
from ding_buffer.kernels.chosen import draw_starts
from ding_buffer.samplers.prioritized_range import FEW
from ding_buffer.samplers.uniform import distinct, with_replacement
from ding_buffer.samplers.window_shape import WindowShape
from ding_buffer.structures.legal_starts import LegalStarts
from ding_buffer.structures.ring_index import RingIndex

_SCAN = 8  # to look through so many slots, as a power of 2, costs no more than to draw one

Slots = npt.NDArray[np.int64]


class Within:
    """The part of the items in which windows must lie whole: serials ``[low, high)``."""

    def __init__(self, ring: RingIndex, starts: LegalStarts, shape: WindowShape, low: int, high: int) -> None:
        self._ring, self._starts, self._shape = ring, starts, shape
        self._low, self._high = low, high

    def kept(self, starts: Slots) -> Slots:
        """Returns those of the starts whose window lies in the part."""
        windows = self._shape.slots(self._starts.succession, starts)
        there = windows >= 0
        serials = self._ring.serials_of(np.where(there, windows, starts[:, None]).reshape(-1))
        inside = ((serials >= self._low) & (serials < self._high)).reshape(windows.shape)
        return starts[(inside | ~there).all(axis=1)]

    def drawn(self, size: int, draw: Callable[[int], Slots]) -> Slots | None:
        """Returns ``size`` of more draws from all starts, in their order; None where too few lie inside.

        How many are inside says nothing about which, so to give up favours none.
        """
        if self._high - self._low <= max(FEW, 8 * size):
            return None
        kept = self.kept(draw(8 * size))
        return kept[:size] if len(kept) >= size else None

    def all(self) -> Slots:
        """Returns every legal start whose window lies in the part, oldest first; costs the part."""
        slots = self._ring.slots_of(np.arange(self._low, self._high))
        slots = slots[slots >= 0]
        slots = slots[self._starts.are_legal(slots)]
        parts = [self.kept(slots[first : first + FEW]) for first in range(0, len(slots), FEW)]
        return np.concatenate(parts) if parts else slots


def draw_uniform(
    rng: np.random.Generator, starts: LegalStarts, within: Within | None, size: int, replace: bool
) -> Slots:
    """Returns ``size`` legal starts, every one alike, with ``replace`` independent, otherwise distinct.

    Raises ``NotEnoughItems`` where there are too few.
    """
    count = len(starts)
    if not count or (size > count and not replace):
        raise shortage(size, count)
    if within is not None:
        drawn = within.drawn(
            size, lambda n: _draw_some(rng, starts, n if replace else min(n, count), replace)
        )
        return _draw_of(rng, within.all(), size, replace) if drawn is None else drawn
    return _draw_some(rng, starts, size, replace)


def _draw_some(rng: np.random.Generator, starts: LegalStarts, size: int, replace: bool) -> Slots:
    """Draws from all legal starts, of which there are enough."""
    tries = int(1.25 * size * starts.span / len(starts)) + 16
    if tries < starts.span >> _SCAN:
        # Slots that are no legal start are passed over: how many there are says nothing about the others.
        slots = draw_starts(starts.legal, rng.integers(starts.span, size=tries), size, not replace)
        if len(slots) == size:
            return slots
    return _draw_of(rng, starts.slots, size, replace)


def _draw_of(rng: np.random.Generator, slots: Slots, size: int, replace: bool) -> Slots:
    if not len(slots) or (size > len(slots) and not replace):
        raise shortage(size, len(slots))
    return slots[(with_replacement if replace else distinct)(rng, len(slots), size)]


def shortage(size: int, count: int) -> NotEnoughItems:
    """Makes the error of a draw that finds too few legal starts."""
    return NotEnoughItems(
        f"There are less than {size} windows in buffer({count} may begin). Push more, ask for fewer or "
        "shorter ones, sample with replace=True, or pad windows at the end of their episode."
    )

"""Which of many comes next, in proportion to a mass."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ding_buffer.core.errors import BadArgument


class MassDraw:
    """Draws places with probability proportional to their masses.

    ``stratified`` spreads the draws: the whole mass is cut into as many equal parts as there are places, and
    each part is drawn from once, in random order, before any is drawn from again. With equal masses every
    place then comes once before one comes twice. The probability of each draw stays the same.
    """

    def __init__(self, masses: npt.ArrayLike, stratified: bool = False) -> None:
        held = np.asarray(masses, dtype=np.float64)
        if held.ndim != 1 or not np.isfinite(held).all() or (held < 0).any() or not held.sum() > 0:
            raise BadArgument("Masses must be finite, none negative and not all zero.")
        self._ends = np.cumsum(held)
        self._last = int(np.flatnonzero(held)[-1])
        self._stratified = stratified
        self._order: list[int] = []
        self._rng: np.random.Generator | None = None

    def draw(self, rng: np.random.Generator) -> int:
        """Returns a place."""
        point = rng.random()
        if self._stratified:
            if not self._order or rng is not self._rng:  # a copy in another process goes its own way
                self._order, self._rng = rng.permutation(len(self._ends)).tolist(), rng
            point = (self._order.pop() + point) / len(self._ends)
        place = int(np.searchsorted(self._ends, point * self._ends[-1], side="right"))
        return min(place, self._last)  # where rounding led past the end

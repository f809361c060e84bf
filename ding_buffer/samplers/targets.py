"""Draws positions in proportion to masses by inverting their prefix sum."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def draw_targets(rng: np.random.Generator, n: int, total: float, stratified: bool) -> npt.NDArray[np.float64]:
    """Returns n points of [0, total): one uniform in each of n equal strata, ascending, or all independent.

    Rounding may carry a point up to the total itself; whoever looks it up takes the last entry with mass.
    """
    points = rng.random(n)
    if stratified:
        points += np.arange(n)
        points *= total / max(n, 1)
    else:
        points *= total
    return points


def pick_positions(
    masses: npt.NDArray[np.float64], rng: np.random.Generator, n: int, stratified: bool
) -> npt.NDArray[np.int64]:
    """Returns n positions of the masses, each as likely as its mass, with replacement; int64.

    A position of mass zero is never drawn. Raises ValueError where there is no mass at all.
    """
    ends = np.add.accumulate(masses)
    total = float(ends[-1]) if ends.size else 0.0
    if total <= 0.0:
        raise ValueError("nothing to draw from: all masses are zero")
    targets = draw_targets(rng, n, total, stratified)
    # No end lies above the total; the first that lies above a point just below it is that of a mass.
    np.minimum(targets, np.nextafter(total, 0.0), out=targets)
    positions: npt.NDArray[np.int64] = ends.searchsorted(targets, side="right")
    return positions

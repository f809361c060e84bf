"""Which slots to take of a range, by priority."""

from __future__ import annotations

import numpy as np

from ding_buffer.samplers.sampler import PrioritySampler
from ding_buffer.structures.ring_index import RingIndex

FEW = 4096
"""A range of at most so many items is drawn from directly; a larger one first by trying the whole buffer."""


def draw_in_range(
    rng: np.random.Generator,
    sampler: PrioritySampler,
    ring: RingIndex,
    positions: range,
    size: int,
    stratified: bool,
) -> np.ndarray:
    """Returns ``size`` slots, with replacement, each as likely as its mass among those at ``positions``.

    There must be a position. Costs the length of a short range, and of a long one only where the priorities
    lie outside it.
    """
    if len(positions) == ring.count:
        return sampler.draw(rng, size, stratified)
    if abs(positions.step) == 1 and len(positions) > max(FEW, 8 * size):
        low, high = serials_of(ring, positions)
        slots = sampler.draw(rng, 8 * size, stratified=False)
        serials = ring.serials_of(slots)
        slots = slots[(serials >= low) & (serials < high)]
        # How many are inside says nothing about which: to give up here favours none.
        if len(slots) >= size:
            return slots[:size]
    steps = np.arange(positions.start, positions.stop, positions.step)
    return sampler.draw_among(rng, ring.slots_at(steps), size, stratified)


def serials_of(ring: RingIndex, positions: range) -> tuple[int, int]:
    """Returns the serials ``[low, high)`` that enclose positions without gaps, in either direction."""
    first, last = sorted((positions[0], positions[-1]))
    return ring.serials_between(first, last + 1)

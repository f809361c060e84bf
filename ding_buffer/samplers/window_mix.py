"""The highest and the mean of what the steps of a window are worth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.chosen import first_distinct, walk
from ding_buffer.structures.succession import Succession

Slots = npt.NDArray[np.int64]


class WindowMix:
    """Computes ``eta * max + (1 - eta) * mean`` over ``length`` steps that follow each other, or fewer.

    Windows that overlap share the work: sums of 2, 4, 8, ... steps are made once for all. In which order the
    steps of a window are added depends on nothing else, so a result is the same to the last bit whatever it
    is computed with.
    """

    def __init__(self, capacity: int, length: int, eta: float) -> None:
        self._length, self._eta = length, eta
        self._marks = np.zeros(capacity, dtype=bool)
        self._place = np.zeros(capacity, dtype=np.int64)

    def of(
        self, links: Succession, firsts: Slots, values: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Returns the mix of each window that begins at one of the distinct slots ``firsts``."""
        slots = self._reached(links, firsts)
        count, place = len(slots), self._place
        place[slots] = np.arange(count)
        after = links.following[slots]
        ahead = place[after]
        # Whoever is not among these is of no window. Nobody, at the end, is worth nothing.
        strange = (ahead >= count) | (slots[np.minimum(ahead, count - 1)] != after)
        ahead[strange] = count
        ahead = np.append(ahead, count)
        highest = np.append(values[slots], 0.0)
        sums, steps = highest, np.append(np.ones(count), 0.0)
        at = place[firsts]
        top, total, number = np.zeros(len(at)), np.zeros(len(at)), np.zeros(len(at))
        rest = self._length
        while True:
            if rest & 1:
                top = np.maximum(top, highest[at])
                total, number = total + sums[at], number + steps[at]
                at = ahead[at]
            rest >>= 1
            if not rest:
                break
            highest = np.maximum(highest, highest[ahead])
            sums, steps = sums + sums[ahead], steps + steps[ahead]
            ahead = ahead[ahead]
        mixed: npt.NDArray[np.float64] = self._eta * top + (1.0 - self._eta) * (total / number)
        return mixed

    def _reached(self, links: Succession, firsts: Slots) -> Slots:
        """Returns the steps of all these windows, each once."""
        # Of neighbours only the last reaches items that the others do not.
        self._marks[firsts] = True
        after = links.following[firsts]
        lasts = firsts[(after < 0) | ~self._marks[after]]
        self._marks[firsts] = False
        reached = walk(links.following, lasts, self._length)[:, 1:].reshape(-1)
        return first_distinct(np.concatenate((firsts, reached[reached >= 0])))

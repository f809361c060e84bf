"""What is left of numbers that nobody keeps."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


class NumberSummary:
    """How many numbers there were, their sum, the smallest and the largest; all 0 where there were none."""

    __slots__ = ("count", "largest", "smallest", "total")

    def __init__(self, count: int = 0, total: float = 0, smallest: float = 0, largest: float = 0) -> None:
        self.count, self.total, self.smallest, self.largest = count, total, smallest, largest

    def add(self, count: int, total: float, smallest: float, largest: float) -> None:
        """Takes in ``count`` numbers, at least one, of which the rest tells."""
        if not self.count or smallest < self.smallest:
            self.smallest = smallest
        if not self.count or largest > self.largest:
            self.largest = largest
        self.count += count
        self.total += total

    def add_all(self, numbers: np.ndarray) -> None:
        """Takes in an array of ints or floats."""
        if len(numbers):
            # Half the time of sum(), min() and max().
            total, least, most = (way.reduce(numbers) for way in (np.add, np.minimum, np.maximum))
            self.add(len(numbers), total.item(), least.item(), most.item())

    @property
    def mean(self) -> float:
        """Their mean; there must be one."""
        return self.total / self.count

    def state_dict(self) -> list[float]:
        """Returns four numbers."""
        return [self.count, self.total, self.smallest, self.largest]

    @classmethod
    def of_state(cls, state: Iterable[float]) -> NumberSummary:
        """Makes one from what ``state_dict`` returned; raises ``ValueError`` for anything else."""
        count, total, smallest, largest = (float(number) for number in state)
        if not (count >= 0 and count.is_integer()):
            raise ValueError(f"{count} is no count")
        return cls(int(count), total, smallest, largest)

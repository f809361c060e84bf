"""Slots that follow each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

MOST_RUNS = 4
"""Of more runs than these it is faster to pick the rows one by one."""


class SlotRuns:
    """Slots as a few slices of those that follow each other; an array of them where somebody asks for one."""

    __slots__ = ("runs",)

    def __init__(self, runs: list[slice]) -> None:
        self.runs = runs

    def __len__(self) -> int:
        return sum(run.stop - run.start for run in self.runs)

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(range(run.start, run.stop) for run in self.runs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        parts = [np.arange(run.start, run.stop, dtype=dtype) for run in self.runs]
        return parts[0] if len(parts) == 1 else np.concatenate(parts or [np.empty(0, dtype or np.int64)])

    def tolist(self) -> list[int]:
        """Returns them as a list."""
        return list(self)


def slot_runs(slots: np.ndarray | SlotRuns) -> list[slice]:
    """Returns slots as slices of those that follow each other."""
    if isinstance(slots, SlotRuns):
        return slots.runs
    if not len(slots):
        return []
    breaks = np.flatnonzero(slots[1:] - slots[:-1] != 1) + 1
    begins = slots[np.concatenate(([0], breaks))].tolist()
    ends = slots[np.concatenate((breaks - 1, [-1]))].tolist()
    return [slice(begin, end + 1) for begin, end in zip(begins, ends, strict=True)]


def rows_in(table: np.ndarray, slots: np.ndarray | SlotRuns) -> list[np.ndarray]:
    """Returns the rows of slots as arrays that follow each other: views where there are few runs."""
    runs = slot_runs(slots)
    if len(runs) > MOST_RUNS:
        return [table.take(np.asarray(slots), axis=0, mode="clip")]
    return [table[run] for run in runs] or [table[:0]]

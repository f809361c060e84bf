"""Priorities as they come in: checked where they are given, passed over where they came past the check."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.core.batch import column_values, meta_columns
from ding_buffer.core.errors import BadPriority
from ding_buffer.kernels.chosen import bounds


class PriorityIntake:
    """Checks priorities against the ``highest`` that can be weighed, and remembers the highest seen."""

    def __init__(self, highest: float) -> None:
        self._highest = highest
        self.max_priority = 1.0
        """What an item without a priority is given: the highest so far, 1 at first."""
        self.poisoned = 0
        """How many came past the check and were not used."""

    def checked(self, priority: Any) -> float:
        """Returns one priority, or an array of one, as a float; raises ``BadPriority`` for anything else."""
        if isinstance(priority, np.ndarray) and priority.size == 1:
            priority = priority.item()
        try:
            value = math.nan if isinstance(priority, (str, bytes)) else float(priority)
        except (TypeError, ValueError, OverflowError):
            value = math.nan
        if not 0.0 <= value <= self._highest:
            raise BadPriority(f"A priority must be a finite number of at least 0, got {priority!r}.")
        return value

    def checked_all(self, priorities: Sequence[Any] | np.ndarray) -> npt.NDArray[np.float64]:
        """Returns many as float64; raises ``BadPriority`` naming the first that is none."""
        if isinstance(priorities, np.ndarray) and priorities.dtype.kind in "fiu":
            column = priorities.astype(np.float64)
        elif all(type(one) is float for one in priorities):
            column = np.array(priorities, dtype=np.float64)
        else:
            return np.array([self.checked(one) for one in priorities], dtype=np.float64)
        low, high = bounds(column)
        if len(column) and not (low >= 0.0 and high <= self._highest):  # false for NaN
            self.checked(next(one for one in column.tolist() if not 0.0 <= one <= self._highest))
        return column

    def columns(self, length: int, meta: Mapping[str, Any] | None) -> dict[str, Any]:
        """Returns the metas of many new items as columns, with a priority for each."""
        columns = {key: values for key, (values, _) in meta_columns(meta, length).items()}
        given = columns.get("priority")
        if given is None:
            return {**columns, "priority": np.full(length, self.max_priority)}
        if isinstance(given, np.ndarray) or all(value is not None for value in given):
            return {**columns, "priority": self.checked_all(given)}
        highest, filled = self.max_priority, []
        for value in given:
            filled.append(highest if value is None else self.checked(value))
            highest = max(highest, filled[-1])
        return {**columns, "priority": np.array(filled)}

    def usable(self, values: Any, there: np.ndarray | None) -> npt.NDArray[np.float64]:
        """Returns the priorities that stand in metas, NaN where there is none or none that can be used.

        What cannot be used is counted.
        """
        if isinstance(values, np.ndarray) and values.dtype == np.float64:
            priorities = values if there is None else np.where(there, values, np.nan)
            if self._all_sound(priorities):
                return priorities
            sound = (priorities >= 0.0) & (priorities <= self._highest)
            if not sound.all():
                self.poisoned += int(np.count_nonzero(~sound if there is None else there & ~sound))
                priorities = np.where(sound, priorities, np.nan)
        else:
            known = [True] * len(values) if there is None else there.tolist()
            found = [
                self.usable_one(value) if one else None for value, one in zip(values, known, strict=True)
            ]
            priorities = np.array([math.nan if one is None else one for one in found], dtype=np.float64)
        if len(priorities):
            self.max_priority = float(np.fmax(self.max_priority, np.fmax.reduce(priorities)))
        return priorities

    def given(self, values: Any, there: np.ndarray | None) -> npt.NDArray[np.float64]:
        """Returns the priorities of new items, in order: those in their metas, else the highest before."""
        before = self.max_priority
        priorities = self.usable(values, there)
        if priorities is not values:  # as they were they are all there and sound
            lacking = np.isnan(priorities)
            highest = np.fmax.accumulate(np.concatenate(([before], priorities[:-1])))
            priorities = np.where(lacking, highest, priorities)
        return priorities

    def _all_sound(self, priorities: npt.NDArray[np.float64]) -> bool:
        """Tells whether all can be used, and then remembers the highest."""
        low, high = bounds(priorities)
        if not (len(priorities) and low >= 0.0 and high <= self._highest):  # false for NaN
            return False
        self.max_priority = max(self.max_priority, high)
        return True

    def usable_one(self, value: Any) -> float | None:
        """Returns one priority that stands in a meta, None where it cannot be used, which is counted."""
        if value is None:
            return None
        if type(value) is float and 0.0 <= value <= self.max_priority:  # mostly so: cheaper
            return value
        try:
            priority = self.checked(value)
        except BadPriority:
            self.poisoned += 1
            return None
        self.max_priority = max(self.max_priority, priority)
        return priority


def untold(
    priorities: npt.NDArray[np.float64], values: Any, there: np.ndarray | None
) -> dict[str, list[Any]]:
    """Returns the priorities that metas alone do not bring back, with their places counted from the newest.

    ``values`` and ``there`` are what the metas hold, of the same items, oldest first.
    """
    if not (isinstance(values, np.ndarray) and values.dtype == np.float64):
        listed = column_values({"priority": (values, there)}, "priority", len(values))
        told = np.array([float(one) if isinstance(one, (int, float)) else np.nan for one in listed])
    else:
        told = values if there is None else np.where(there, values, np.nan)
    places = np.flatnonzero(told != priorities)
    return {"places": (places - len(priorities)).tolist(), "priorities": priorities[places].tolist()}

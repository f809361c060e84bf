"""Mappings that were collected and are not in the buffer yet, each with the time it was collected."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from ding_buffer.pipeline.field_rows import FieldRows
from ding_buffer.pipeline.timestamping_queue import TimestampingQueue
from ding_buffer.structures.clock import Clock


class TimestampingQueuesDict(TimestampingQueue[Any]):
    """A queue of mappings with the fields ``queue_names``, at most ``max_len`` of them.

    A mapping that lacks a field raises a ``KeyError`` and changes nothing; other fields are left out, or with
    ``exact`` refused (``ValueError``).
    """

    def __init__(
        self,
        queue_names: Iterable[str],
        max_len: int | None,
        *,
        exact: bool = False,
        clock: Clock = time.time,
    ) -> None:
        super().__init__(max_len, clock=clock)
        self._rows = FieldRows(queue_names, exact)

    def append(self, element: Mapping[str, Any]) -> None:
        """Adds a mapping and the present time."""
        self._append(self._rows.row(element))

    def popleft(self) -> tuple[dict[str, Any], float]:
        """Returns the oldest mapping and its time; raises an ``IndexError`` where there is none."""
        row, stamp = super().popleft()
        return self._rows.step(row), stamp

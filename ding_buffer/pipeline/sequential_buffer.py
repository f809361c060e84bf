"""The newest items, in the order they came."""

from __future__ import annotations

from collections.abc import Iterable

from ding_buffer.pipeline.data_buffer import NOT_GIVEN
from ding_buffer.pipeline.stored_buffer import StoredBuffer
from ding_buffer.pipeline.type_parameters import T


class SequentialBuffer(StoredBuffer[T]):
    """Keeps the newest ``max_size`` items; the oldest gives way.

    ``SequentialBuffer(names, max_size)`` holds mappings with these fields, ``SequentialBuffer(max_size)``
    anything. ``seed`` seeds what ``sample`` draws.
    """

    def __init__(
        self,
        collecting_data_names: Iterable[str] | int = NOT_GIVEN,
        max_size: int = NOT_GIVEN,
        *,
        seed: int | None = None,
    ) -> None:
        super().__init__(collecting_data_names, max_size, seed=seed)

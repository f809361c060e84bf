"""The newest mappings, in the order they came."""

from __future__ import annotations

from collections.abc import Iterable

from ding_buffer.pipeline.sequential_buffer import SequentialBuffer
from ding_buffer.pipeline.type_parameters import T


class DictSequentialBuffer(SequentialBuffer[T]):
    """Keeps the newest ``max_size`` mappings with exactly these keys.

    Another mapping raises a ``ValueError`` where it is collected.
    """

    exact_keys = True

    def __init__(self, keys: Iterable[str], max_size: int, *, seed: int | None = None) -> None:
        super().__init__(keys, max_size, seed=seed)

    @property
    def keys(self) -> set[str]:
        """The keys of a mapping, a new set each time."""
        return self.collecting_data_names

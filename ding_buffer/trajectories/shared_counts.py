"""Counters that loader workers add to and the process that made them reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ding_buffer.trajectories.draw_source import worker_info
from ding_buffer.trajectories.needed_torch import torch

_SEATS = 256


class SharedCounts:
    """Named counters in shared memory, with a seat for each worker, so that none overwrites another.

    torch shares them with the workers of a ``DataLoader``; any other copy goes on by itself, with its
    own workers. Workers of two loaders that run at once share seats, and may lose a count.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._places = {name: place for place, name in enumerate(names)}
        self._table = shared(torch.zeros(_SEATS, len(names), dtype=torch.int64))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        shared(self._table)

    def add(self, name: str, count: int = 1) -> None:
        """Counts; in worker number ``n`` on the seat of that number."""
        info = worker_info()
        self._table[0 if info is None else 1 + info.id % (_SEATS - 1), self._places[name]] += count

    def own(self, name: str) -> int:
        """Returns what the process that made the counters has counted; a worker may ask too."""
        return int(self._table[0, self._places[name]])

    def totals(self) -> dict[str, int]:
        """Returns the counts of all processes together."""
        return dict(zip(self._places, self._table.sum(dim=0).tolist(), strict=True))


def shared(tensor: Any) -> torch.Tensor:
    """Moves a tensor to where loader workers share it, in place; only torch's own pickles keep it there."""
    moved: torch.Tensor = tensor.share_memory_()
    return moved

"""The payloads of a batch of columns, as a list of payloads that knows its columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ding_buffer.core.buffered_batch import BufferedBatch


class PayloadColumn(Sequence[Any]):
    """What a learner is handed: a sequence of payloads, or of windows of them, that are made when asked for.

    Whoever can do with arrays takes ``columns`` and makes none. Memory is the batch's.
    """

    __slots__ = ("batch",)

    def __init__(self, batch: BufferedBatch) -> None:
        self.batch = batch

    @property
    def columns(self) -> Any:
        """The payloads' own containers with stacked leaves; see ``BufferedBatch.data``."""
        return self.batch.data

    def __len__(self) -> int:
        return len(self.batch)

    def __getitem__(self, place: Any) -> Any:
        """Returns one payload; of windows one ``PayloadColumn``; of a slice a ``PayloadColumn``."""
        part = self.batch[place]
        return PayloadColumn(part) if isinstance(part, BufferedBatch) else part.data

    def __iter__(self) -> Iterator[Any]:
        return (self[place] for place in range(len(self)))

    def __add__(self, other: Any) -> list[Any]:
        """Returns a list of the payloads of both."""
        return [*self, *other] if isinstance(other, (list, PayloadColumn)) else NotImplemented

    def __radd__(self, other: Any) -> list[Any]:
        return [*other, *self] if isinstance(other, list) else NotImplemented

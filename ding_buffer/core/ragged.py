"""A column of arrays of different lengths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ding_buffer.core.errors import BadArgument


class RaggedColumn:
    """Arrays that differ in their first dimension, behind each other in one array.

    ``values`` has shape (sum of lengths, ...), ``lengths`` is int64 (n,). A single row is a view on
    ``values``.
    """

    __slots__ = ("_ends", "lengths", "values")

    def __init__(self, values: np.ndarray, lengths: Any) -> None:
        self.values = values
        self.lengths = np.asarray(lengths, dtype=np.int64)
        self._ends = np.cumsum(self.lengths)
        total = int(self._ends[-1]) if len(self._ends) else 0
        if self.lengths.ndim != 1 or (self.lengths < 0).any() or total != len(values):
            raise BadArgument(f"The lengths of the rows add up to {total}, there are {len(values)} values.")

    @classmethod
    def of(cls, rows: Iterable[np.ndarray], dtype: Any, shape: tuple[int, ...] = ()) -> RaggedColumn:
        """Copies rows (length, *shape) into one column."""
        listed = list(rows)
        values = np.empty((sum(map(len, listed)), *shape), dtype=dtype)
        if listed:
            np.concatenate(listed, out=values, casting="unsafe")
        return cls(values, np.fromiter(map(len, listed), dtype=np.int64, count=len(listed)))

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, place: Any) -> Any:
        """Returns one row as a view; for a slice, a mask or an array of places a new column."""
        if isinstance(place, (slice, np.ndarray, list)):
            return self.pick(place)
        row = range(len(self))[place]
        end = int(self._ends[row])
        return self.values[end - int(self.lengths[row]) : end]

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(np.split(self.values, self._ends[:-1]) if len(self) else [])

    def pick(self, places: Any) -> RaggedColumn:
        """Returns a new column of these rows, copied."""
        rows = np.arange(len(self))[places]
        lengths = self.lengths[rows]
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if len(ends) else 0
        # From where in the old values each new row comes, less where it goes.
        shift = np.repeat(self._ends[rows] - ends, lengths)
        return RaggedColumn(self.values[np.arange(total) + shift], lengths)

    def blanked(self, rows: np.ndarray) -> RaggedColumn:
        """Returns a new column in which the rows of this mask are empty."""
        return RaggedColumn(self.values[np.repeat(~rows, self.lengths)], np.where(rows, 0, self.lengths))

    def padded(self, fill: Any = 0, length: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Returns the rows as one array (n, length, ...) and a mask (n, length), False where ``fill`` stands.

        ``length`` is that of the longest row, unless given: longer rows are cut.
        """
        longest = int(self.lengths.max(initial=0)) if length is None else length
        mask = np.arange(longest) < self.lengths[:, None]
        made = np.full((len(self), longest, *self.values.shape[1:]), fill, dtype=self.values.dtype)
        rows = self if length is None or not (self.lengths > longest).any() else self._cut(longest)
        made[mask] = rows.values
        return made, mask

    def _cut(self, length: int) -> RaggedColumn:
        lengths = np.minimum(self.lengths, length)
        within = np.arange(len(self.values)) - np.repeat(self._ends - self.lengths, self.lengths)
        return RaggedColumn(self.values[within < length], lengths)

    @property
    def nbytes(self) -> int:
        """How many bytes values and lengths take."""
        return int(self.values.nbytes + self.lengths.nbytes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RaggedColumn):
            return NotImplemented
        same = np.array_equal(self.lengths, other.lengths) and self.values.dtype == other.values.dtype
        return same and np.array_equal(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"RaggedColumn({len(self)} rows, {len(self.values)} values of {self.values.dtype})"

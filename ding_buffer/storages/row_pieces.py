"""Rows of a table that somebody is about to write to a file, where they lie."""

from __future__ import annotations

from typing import Any

import numpy as np


class RowPieces:
    """The rows of a table as arrays that follow each other, not copied: sound until the table changes.

    What a file gives back for them has the same ``shape`` and is an array to numpy too, and its
    ``read_into(targets)`` fills arrays that follow each other.
    """

    def __init__(self, pieces: list[np.ndarray]) -> None:
        self.pieces = pieces

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all of them together."""
        return (sum(len(piece) for piece in self.pieces), *self.pieces[0].shape[1:])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = self.pieces[0] if len(self.pieces) == 1 else np.concatenate(self.pieces)
        return np.array(whole, dtype=dtype, copy=True) if copy else np.asarray(whole, dtype=dtype)

"""A moment in the stream of data."""

from __future__ import annotations


class Mark(float):
    """The time ``DataUser.mark()`` was called, which also knows how many items had been added by then.

    ``DataUser.count_data_added_since`` counts from it exactly, where bare times tie.
    """

    added: int

    def __new__(cls, time: float, added: int) -> Mark:
        """Makes one of a time and the number of items added until then."""
        made = super().__new__(cls, time)
        made.added = added
        return made

    def __getnewargs__(self) -> tuple[float, int]:  # type: ignore[override]
        return float(self), self.added

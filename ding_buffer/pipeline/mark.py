"""A moment in the stream of data."""

from __future__ import annotations


class Mark(float):
    """The time ``DataUser.mark()`` was called, which also knows how many items had been added by then.

    ``DataUser.count_data_added_since`` counts from it exactly, where bare times tie. To another user, such as
    that of a run that was resumed, it is a bare time.
    """

    added: int
    maker: str
    """What names the user that made it."""

    def __new__(cls, time: float, added: int, maker: str = "") -> Mark:
        """Makes one of a time and the number of items added until then."""
        made = super().__new__(cls, time)
        made.added, made.maker = added, maker
        return made

    def __getnewargs__(self) -> tuple[float, int, str]:  # type: ignore[override]
        return float(self), self.added, self.maker

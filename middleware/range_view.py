"""A window on part of the buffer."""

from __future__ import annotations

import operator
from typing import Any

from ding_buffer.core.chain import Chain, Home, Middleware
from ding_buffer.core.errors import BadArgument, BadQuery


class SampleRangeView(Middleware):
    """Samples only from the positions ``[start, end)``, oldest first.

    A negative bound counts from the newest item.
    """

    name = "sample_range_view"

    def __init__(
        self, start: int | None = None, end: int | None = None, *, buffer: Home | None = None
    ) -> None:
        self.made_for(buffer)
        if start is None and end is None:
            raise BadQuery("sample_range_view needs start or end: without both it is the whole buffer.")
        for name, bound in (("start", start), ("end", end)):
            if bound is not None and (isinstance(bound, bool) or not hasattr(bound, "__index__")):
                raise BadArgument(f"{name} must be an int or None, got {bound!r}.")
        self._range = slice(*(None if bound is None else operator.index(bound) for bound in (start, end)))

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Narrows the query; a ``sample_range`` of the caller's own lies within the view."""
        within = query.pop("sample_range", None)
        parts = () if within is None else within if isinstance(within, (list, tuple)) else (within,)
        return chain(size=size, sample_range=(self._range, *parts) if parts else self._range, **query)


def sample_range_view(
    buffer: Home | None = None, start: int | None = None, end: int | None = None
) -> SampleRangeView:
    """Makes a layer that samples from part of the buffer.

    ``start=-1000`` is the newest thousand, ``end=100`` the oldest hundred.
    """
    return SampleRangeView(start, end, buffer=buffer)

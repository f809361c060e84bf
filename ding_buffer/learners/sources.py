"""Where a batch comes from: one buffer, several with shares, or several by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ding_buffer.core.buffer import Buffer
from ding_buffer.core.errors import BadArgument, NotEnoughItems
from ding_buffer.learners.setting_path import positive_count, setting
from ding_buffer.learners.shares import split_batch
from ding_buffer.learners.shortage import ShortageNotice
from ding_buffer.learners.told import told_query

Buffers = Buffer | Sequence[tuple[Buffer, float]] | Mapping[str, Buffer]
Query = Callable[[Any], Mapping[str, Any]]


@dataclass
class Source:
    """One buffer, what to call it in a message, and how many items or groups to draw from it."""

    name: str
    buffer: Any
    size: int


def sources_of(buffers: Buffers, batch_size: int) -> list[Source]:
    """Returns the sources that a ``buffer_`` argument stands for; raises ``BadArgument`` for what is none.

    Each buffer of a mapping gives a whole batch; those of a list give their share of one.
    """
    if isinstance(buffers, Mapping):
        sources = [Source(f"buffer {name!r}", held, batch_size) for name, held in buffers.items()]
    elif isinstance(buffers, (list, tuple)):
        for pair in buffers:
            if not (isinstance(pair, (list, tuple)) and len(pair) == 2):
                raise BadArgument(f"a list of buffers holds (buffer, share) pairs, not {type(pair).__name__}")
        sizes = split_batch(batch_size, [share for _, share in buffers]) if buffers else []
        sources = [
            Source(f"buffer {place}", pair[0], size)
            for place, (pair, size) in enumerate(zip(buffers, sizes, strict=True))
        ]
    else:
        sources = [Source("the buffer", buffers, batch_size)]
    if not sources:
        raise BadArgument("there is no buffer to sample from")
    for source in sources:
        if not callable(getattr(source.buffer, "sample", None)):
            raise BadArgument(
                f"{source.name} is a {type(source.buffer).__name__}; expected a buffer, "
                "a list of (buffer, share), or a mapping of name to buffer"
            )
    return sources


class Drawer:
    """Draws one batch from every source, or none at all while one of them holds too little.

    Only ``NotEnoughItems`` counts as too little; every other error passes. ``min_size`` items must lie in
    each buffer before the first batch; it raises ``BadArgument`` if a buffer could never hold that many.
    A buffer whose layers take ``train_iter_sample_data`` is told ``ctx.train_iter``; ``query`` makes further
    keywords for ``sample`` from the context.
    """

    def __init__(
        self, sources: Sequence[Source], notice: ShortageNotice, min_size: int = 0, query: Query | None = None
    ) -> None:
        self._sources = list(sources)
        self._notice = notice
        self._min_size = min_size
        self._started = min_size <= 0
        self._query = query
        self._short = -1
        for source in self._sources:
            capacity = getattr(source.buffer, "capacity", None)
            if isinstance(capacity, int) and capacity < min_size:
                raise BadArgument(
                    f"min_size is {min_size}, but {source.name} has room for {capacity} items: "
                    "training would never begin"
                )

    def draw(self, ctx: Any, **query: Any) -> list[Any] | None:
        """Returns what was drawn from each source, in their order, or None."""
        if not self._started and not self._filled():
            return None
        self._started = True
        if self._query is not None:
            query = {**query, **self._query(ctx)}
        drawn: list[Any] = [[] for _ in self._sources]
        try:
            for place in self._order():
                source = self._sources[place]
                told = told_query(source.buffer, ctx)
                drawn[place] = source.buffer.sample(source.size, **{**told, **query})
        except NotEnoughItems as error:
            self._short = place
            self._notice.waiting(f"{source.name}: {error}")
            return None
        self._notice.over()
        return drawn

    def _order(self) -> list[int]:
        """Returns the places of the sources, the likeliest to be short first: a draw may count as a use."""
        places = [place for place, source in enumerate(self._sources) if source.size > 0]
        if len(places) > 1:
            places.sort(key=lambda place: (place != self._short, len(self._sources[place].buffer)))
        return places

    def _filled(self) -> bool:
        for source in self._sources:
            held = len(source.buffer)
            if held < self._min_size:
                self._notice.waiting(
                    f"{source.name} holds {held} of the {self._min_size} items to start with"
                )
                return False
        return True


def minimum(cfg: Any, min_size: int | None) -> int:
    """Returns the number of items to start with: ``min_size``, else ``cfg.policy.learn.min_size``, else 0."""
    wanted = setting(cfg, "policy.learn.min_size", 0) if min_size is None else min_size
    return 0 if wanted == 0 else positive_count(wanted, "min_size")

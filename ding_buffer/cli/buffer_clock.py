"""A layer that tells what share of a run its buffer takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from ding_buffer.core.chain import Chain, Middleware


class BufferClock(Middleware):
    """Adds up the time of every push, sample and update, the layers further in included.

    Used first, so that it stands outside all others.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self.seconds = 0.0

    def push(self, chain: Chain, data: Any, meta: dict[str, Any] | None = None) -> Any:
        """Stores one item."""
        began = self._now()
        try:
            return chain(data, meta=meta)
        finally:
            self.seconds += self._now() - began

    def extend(self, chain: Chain, batch: Sequence[Any], meta: Any = None) -> Any:
        """Stores many items."""
        began = self._now()
        try:
            return chain(batch, meta=meta)
        finally:
            self.seconds += self._now() - began

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Draws a batch."""
        began = self._now()
        try:
            return chain(size=size, **query) if query else chain(size=size)
        finally:
            self.seconds += self._now() - began

    def update(self, chain: Chain, index: Any, data: Any = None, meta: Any = None) -> Any:
        """Changes items."""
        began = self._now()
        try:
            return chain(index, data=data, meta=meta)
        finally:
            self.seconds += self._now() - began

"""The worker buffer that learns from a part of itself, as large as the progress of training says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ding_buffer.core.errors import BadArgument
from ding_buffer.replay.naive_buffer import NaiveReplayBuffer
from ding_buffer.replay.worker_buffer import WorkerBuffer
from ding_buffer.replay.worker_config import Rules, optional, that


class ElasticReplayBuffer(NaiveReplayBuffer):
    """Draws from the newest items only: as many as ``set_buffer_size(envstep)`` says.

    ``set_buffer_size`` is a function in the config, None for all items; DI-engine asks for it and names it
    nowhere. It is called with 0 at first and by ``update(envstep)`` afterwards. The seed does not describe
    this buffer.
    """

    config: ClassVar[Mapping[str, Any]] = {
        **NaiveReplayBuffer.config,
        "type": "elastic",
        "set_buffer_size": None,
    }

    _rules: ClassVar[Rules] = {
        **WorkerBuffer._rules,
        "set_buffer_size": optional(that(callable, "a function of the env step")),
    }
    _counted: ClassVar[tuple[str, ...]] = WorkerBuffer._counted

    _current = -1  # all of them

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.update(0)

    def update(self, info: Any) -> None:
        """Takes the env step, from which follows how many of the newest items are drawn from."""
        chosen = self.cfg.set_buffer_size
        if chosen is None:
            return
        size = chosen(info)
        number = isinstance(size, (int, float, np.number)) and not isinstance(size, bool)
        if not number or not size >= 0:
            raise BadArgument(f"set_buffer_size({info!r}) must be a number of at least 0, got {size!r}.")
        with self._lock:
            self._current = self.replay_buffer_size if size == math.inf else int(size)

    @property
    def current_buffer_size(self) -> int:
        """How many items, at most, are drawn from."""
        return self.replay_buffer_size if self._current < 0 else min(self._current, self.replay_buffer_size)

    def sample(
        self,
        size: int,
        cur_learner_iter: int = -1,
        sample_range: slice | None = None,
        replace: bool = False,
    ) -> list[Any] | None:
        """Draws ``size`` of the newest ``current_buffer_size`` items; ``sample_range`` is a part of those."""
        with self._lock:
            newest = slice(max(0, len(self.buffer) - self.current_buffer_size), None)
            within = newest if sample_range is None else (newest, sample_range)
            return self._payloads(size, sample_range=within, replace=replace)

    def _numbers(self) -> dict[str, int]:
        return {**super()._numbers(), "current_buffer_size": self.current_buffer_size}

    def _take(self, numbers: Mapping[str, int]) -> None:
        super()._take(numbers)
        if self.cfg.set_buffer_size is not None:
            self._current = numbers["current_buffer_size"]

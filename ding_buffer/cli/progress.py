"""Shows a run while it goes on."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ding_buffer.cli.history import RunHistory
from ding_buffer.cli.run_config import RunConfig
from ding_buffer.cli.sample_probe import BufferGlance, glance_at
from ding_buffer.core.buffer import Buffer

GLANCED_AT = 512
"""How many items a display looks at: enough for a median, and quick."""
_SPEED_OVER = 5.0


@dataclass(frozen=True)
class RunStatus:
    """Everything a display shows at one moment; speeds are per second, ``elapsed`` in seconds."""

    config: RunConfig
    history: RunHistory
    env_step: int
    train_iter: int
    epsilon: float
    held: int
    capacity: int
    glance: BufferGlance
    env_steps_per_second: float
    updates_per_second: float
    elapsed: float


class Display(Protocol):
    """Where a status goes: a terminal that is redrawn, or lines in a log."""

    period: float
    """Seconds between two statuses."""

    def show(self, status: RunStatus) -> None:
        """Shows the status in place of the one before."""

    def note(self, text: str) -> None:
        """Says something in passing."""

    def close(self) -> None:
        """Leaves the last status as it is."""


class Speedometer:
    """Measures the speed of counters over the last seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._marks: deque[tuple[float, tuple[int, ...]]] = deque()

    def speeds(self, *counts: int) -> tuple[float, ...]:
        """Notes the counters and returns how much each grew per second; 0 until there is a second reading."""
        now = self._clock()
        self._marks.append((now, counts))
        while len(self._marks) > 2 and now - self._marks[0][0] > _SPEED_OVER:
            self._marks.popleft()
        since, before = self._marks[0]
        passed = now - since
        return tuple(
            (count - old) / passed if passed > 0 else 0.0 for count, old in zip(counts, before, strict=True)
        )


class Progress:
    """Gathers a status and hands it to a display, now and then; as a middleware it stands last."""

    def __init__(
        self,
        config: RunConfig,
        buffer: Buffer,
        history: RunHistory,
        display: Display,
        epsilon: Callable[[int], float],
        elapsed: Callable[[], float],
    ) -> None:
        self._config = config
        self._buffer = buffer
        self._history = history
        self._display = display
        self._epsilon = epsilon
        self._elapsed = elapsed
        self._speed = Speedometer()
        self._shown_at = -float("inf")
        self._shown_step = -1

    def __call__(self, ctx: Any) -> None:
        """Shows the status if the last one is old enough."""
        if time.monotonic() - self._shown_at >= self._display.period:
            self.show(ctx)

    def show(self, ctx: Any) -> None:
        """Shows the status, unless it is that of the env step shown last."""
        if ctx.env_step == self._shown_step:
            return
        self._shown_at, self._shown_step = time.monotonic(), ctx.env_step
        env_speed, update_speed = self._speed.speeds(ctx.env_step, ctx.train_iter)
        self._display.show(
            RunStatus(
                config=self._config,
                history=self._history,
                env_step=ctx.env_step,
                train_iter=ctx.train_iter,
                epsilon=self._epsilon(ctx.env_step),
                held=len(self._buffer),
                capacity=self._buffer.size,
                glance=glance_at(self._buffer, GLANCED_AT),
                env_steps_per_second=env_speed,
                updates_per_second=update_speed,
                elapsed=self._elapsed(),
            )
        )

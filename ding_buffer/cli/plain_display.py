"""Progress as lines of a table, for logs and pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ding_buffer.cli.wording import UNKNOWN, age, clock, number

if TYPE_CHECKING:
    from rich.console import Console

    from ding_buffer.cli.progress import RunStatus

_COLUMNS = {
    "env steps": 10,
    "return": 8,
    "best": 7,
    "evaluation": 11,
    "loss": 9,
    "buffer": 8,
    "sample age": 11,
    "priority": 9,
    "steps/s": 8,
    "elapsed": 8,
}


class PlainDisplay:
    """Prints the names of the columns once and a line for each status."""

    period = 5.0

    def __init__(self, console: Console) -> None:
        self._console = console
        self._headed = False

    def show(self, status: RunStatus) -> None:
        """Prints one line."""
        if not self._headed:
            self._headed = True
            self._line(list(_COLUMNS))
        history = status.history
        last = history.evaluations[-1][1] if history.evaluations else None
        loss = history.learning[-1][1] if history.learning else None
        self._line(
            [
                f"{status.env_step:,}",
                number(history.recent_return()),
                number(history.best_return()),
                number(last),
                number(loss, digits=3),
                f"{status.held / status.capacity:.0%}",
                age(history),
                number(status.glance.median_priority(), digits=3),
                f"{status.env_steps_per_second:,.0f}" if status.env_steps_per_second else UNKNOWN,
                clock(status.elapsed),
            ]
        )

    def note(self, text: str) -> None:
        """Prints a line of its own."""
        self._console.print(text, soft_wrap=True, highlight=False, markup=False)

    def close(self) -> None:
        """Needs nothing: every line is out already."""

    def _line(self, cells: list[str]) -> None:
        widths = _COLUMNS.values()
        self.note("".join(f"{cell:>{width + 1}}" for cell, width in zip(cells, widths, strict=True)))

"""Progress as a panel that is redrawn in place."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ding_buffer.cli.wording import UNKNOWN, clock, number, sparkline

if TYPE_CHECKING:
    from rich.console import Console

    from ding_buffer.cli.progress import RunStatus

_WIDTH = 96
_CHART, _NARROW_CHART = 24, 16


class LiveDisplay:
    """Redraws one panel; what is noted meanwhile stands above it."""

    period = 0.25

    def __init__(self, console: Console, title: str) -> None:
        from rich.live import Live

        self._console = console
        self._title = title
        self._chart = _CHART if console.width >= _WIDTH else _NARROW_CHART
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._live.start()
        self._last: RunStatus | None = None

    def show(self, status: RunStatus) -> None:
        """Draws the panel anew."""
        self._last = status
        self._live.update(self._panel(status, "Ctrl-C stops, saves and says how to go on"), refresh=True)

    def note(self, text: str) -> None:
        """Prints a line above the panel."""
        from rich.text import Text

        # What print() is told about markup would hold for the panel as well, which is drawn again with it.
        self._console.print(Text(text, style="dim"), soft_wrap=True)

    def close(self) -> None:
        """Leaves the panel on the screen and gives the terminal back."""
        if self._last is not None:
            self._live.update(self._panel(self._last), refresh=True)
        self._live.stop()

    def _panel(self, status: RunStatus, hint: str = "") -> Any:
        from rich.panel import Panel
        from rich.table import Table

        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(style="cyan", no_wrap=True, width=11)
        grid.add_column(no_wrap=True, width=self._chart)
        grid.add_column(no_wrap=True, ratio=1, overflow="ellipsis")
        for row in (*self._learned(status), *self._held(status)):
            grid.add_row(*row)
        return Panel(
            grid,
            title=f"[bold]{self._title}[/]",
            title_align="left",
            subtitle=f"[dim]{hint}[/]" if hint else None,
            subtitle_align="left",
            border_style="blue",
            width=min(self._console.width, _WIDTH),
            padding=(0, 1),
        )

    def _learned(self, status: RunStatus) -> list[tuple[Any, ...]]:
        history, config = status.history, status.config
        returns = [value for _, value in history.episodes]
        means = [mean for _, mean, _, _ in history.evaluations]
        losses = [row[1] for row in history.learning]
        stepped = _facts(f"*{status.env_step:,}* / {config.steps:,}", f"*{clock(status.elapsed)}*")
        returned = _facts(
            f"recent *{number(history.recent_return())}*",
            f"best *{number(history.best_return())}*",
            f"at random *{status.epsilon:.0%}*",
        )
        evaluated = _facts(
            f"last *{number(means[-1] if means else None)}*",
            f"best *{number(history.best_evaluation())}*",
            f"goal *{number(config.eval.goal)}* x {config.eval.times}"
            if config.eval.goal is not None
            else "",
        )
        trained = _facts(
            f"*{number(losses[-1] if losses else None, 3)}*", f"after *{status.train_iter:,}* updates"
        )
        speed = _facts(
            f"*{status.env_steps_per_second:,.0f}* steps/s", f"*{status.updates_per_second:,.0f}* updates/s"
        )
        return [
            ("env steps", self._bar(status.env_step, config.steps), stepped),
            ("speed", "", speed),
            ("return", self._line(returns, "green"), returned),
            ("evaluation", self._line(means, "green"), evaluated),
            ("loss", self._line(losses, "yellow"), trained),
        ]

    def _held(self, status: RunStatus) -> list[tuple[Any, ...]]:
        glance, learning = status.glance, status.history.learning
        uses, priorities = glance.use_counts, glance.priorities
        logs = [math.log(value) for value in priorities if value > 0]
        aged = used = ranked = UNKNOWN
        if learning:
            _, _, low, middle, high, _ = learning[-1]
            aged = _facts(f"median *{middle:,.0f}* steps", f"80 % {low:,.0f} to {high:,.0f}")
        if priorities:
            ranked = _facts(
                f"median *{number(glance.median_priority(), 3)}*", f"highest *{number(max(priorities), 3)}*"
            )
        if uses:
            used = _facts(f"mean *{number(sum(uses) / len(uses), 3)}*", f"most *{max(uses):,}*")
        return [
            (
                "buffer",
                self._bar(status.held, status.capacity),
                f"[b]{status.held:,}[/] / {status.capacity:,} items",
            ),
            ("sample age", self._line([row[3] for row in learning], "magenta"), aged),
            ("priorities", self._line(self._shape(logs), "magenta"), ranked),
            ("use counts", self._line(self._shape([float(count) for count in uses]), "magenta"), used),
        ]

    def _line(self, values: Sequence[float], colour: str) -> str:
        return f"[{colour}]{sparkline(values, self._chart)}[/]"

    def _bar(self, done: float, total: float) -> Any:
        from rich.progress_bar import ProgressBar

        return ProgressBar(total=total, completed=min(done, total), width=self._chart)

    def _shape(self, values: Sequence[float]) -> list[float]:
        """Returns how often values occur, in bins from the lowest to the highest."""
        if not values:
            return []
        low, high, bins = min(values), max(values), self._chart
        counts = [0.0] * bins
        for value in values:
            counts[min(bins - 1, int((value - low) / (high - low) * bins)) if high > low else bins // 2] += 1
        return counts


def _facts(*facts: str) -> str:
    """Sets facts side by side, with what stands between asterisks in bold."""
    return "   ".join(re.sub(r"\*(.*?)\*", r"[b]\1[/]", fact) for fact in facts if fact)

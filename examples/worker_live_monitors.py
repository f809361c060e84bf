"""What a buffer does while a collector and a learner, in threads of their own, pull at it.

The collector keeps pace, sprints, naps and keeps pace again; the throughput control refuses whoever is too
far ahead, and the monitors say what is going on. In a terminal with `rich` one panel is redrawn, else there
are lines. It ends by itself after --seconds, 15 by default, or at Ctrl-C.
Run it: python examples/worker_live_monitors.py [BATCHES to end after] [--seconds N]
"""

from __future__ import annotations

import argparse
import logging
import sys
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import numpy as np

from ding_buffer.cli.stop_request import StopRequest
from ding_buffer.cli.wording import clock, number, sparkline
from ding_buffer.replay import AdvancedReplayBuffer

BATCH, WIDTH = 32, 24
PACES = (("keeps pace", 8), ("sprints", 40), ("naps", 1), ("keeps pace again", 8))
"""What the collector does in each quarter of the time, and how many items it pushes at once."""
CFG: dict[str, Any] = {
    "replay_buffer_size": 3000,
    "max_use": 8,
    "anneal_step": 1000,
    "thruput_controller": {"push_sample_rate_limit": {"max": 0.8, "min": 0.2}, "window_seconds": 2},
    "monitor": {
        "sampled_data_attr": {"average_range": 10, "print_freq": 10},
        "periodic_thruput": {"seconds": 0.5},
    },
}


class Figures:
    """The ``tb_logger``, curves in memory; ``summary_writer(folder)`` would write them for TensorBoard."""

    def __init__(self) -> None:
        self.curves: dict[str, list[float]] = defaultdict(list)

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        """Takes what a monitor reports."""
        self.curves[tag].append(value)

    def last(self, tag: str) -> float | None:
        """Returns the newest value of a curve."""
        return self.curves[tag][-1] if tag in self.curves else None


class Refusals(logging.Handler):
    """Keeps the last reason: the buffer tells its log, since being refused is no error."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.last = "nobody was refused so far"

    def emit(self, record: logging.LogRecord) -> None:
        """Takes a line of the log."""
        text = record.getMessage()
        if "limit_" in text:
            self.last = text.partition(": ")[2]


class Run:
    """The buffer, those who use it, and what a display needs to know of it."""

    def __init__(self, seconds: float, batches: int | None) -> None:
        self.seconds, self.batches = seconds, batches
        self.figures, self.refusals = Figures(), Refusals()
        self.buffer = AdvancedReplayBuffer(CFG, self.figures, instance_name="live")
        self.stop = threading.Event()
        self.iteration = self.envstep = 0
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began

    @property
    def pace(self) -> tuple[str, int]:
        """What the collector does now, and how many items it pushes at once."""
        return PACES[min(int(self.elapsed / self.seconds * len(PACES)), len(PACES) - 1)]

    def collect(self) -> None:
        """Pushes, in a thread of its own."""
        rng = np.random.default_rng(0)
        while not self.stop.wait(0.01):
            _, count = self.pace
            steps = [{"obs": rng.random(4), "collect_iter": self.iteration} for _ in range(count)]
            self.buffer.push(steps, self.envstep)
            self.envstep += count

    def learn(self) -> None:
        """Samples and sends priorities back, in another."""
        rng = np.random.default_rng(1)
        while not self.stop.wait(0.03):
            batch = self.buffer.sample(BATCH, self.iteration)
            if batch is None:
                continue  # too early: a real learner would do something else, or wait as well
            # Stands for the loss of a network, which falls the more often it has seen an item.
            losses = [rng.exponential() / data["use"] for data in batch]
            info = {key: [data[key] for data in batch] for key in ("replay_buffer_idx", "replay_unique_id")}
            self.buffer.update({**info, "priority": losses})
            self.iteration += 1
            if self.iteration == self.batches:
                self.stop.set()

    def rows(self) -> list[tuple[str, str, str]]:
        """Returns a name, a curve and the figures of each monitor."""
        stats, last = self.buffer.stats(), self.figures.last

        def curve(tag: str) -> str:
            return sparkline(self.figures.curves.get(tag, []), WIDTH)

        came, drawn, went = (
            number(last(f"live_sec/{key}")) for key in ("pushed_in", "sampled_out", "removed")
        )
        use, priority, stale = (
            f"mean {number(last(f'live_iter/{key}_avg'), 3)}, most {number(last(f'live_iter/{key}_max'), 3)}"
            for key in ("use", "priority", "staleness")
        )
        pushes, samples = stats.get("refused_pushes", 0), stats.get("refused_samples", 0)
        return [
            ("held", curve("live_sec/current_have"), f"{stats['size']:,} of {stats['capacity']:,} items"),
            ("pushed", curve("live_sec/pushed_in"), f"{came} items in half a second, {went} went"),
            ("sampled", curve("live_sec/sampled_out"), f"{drawn} items in half a second"),
            ("use", curve("live_iter/use_avg"), use),
            ("priority", curve("live_iter/priority_avg"), priority),
            ("staleness", curve("live_iter/staleness_avg"), f"{stale} updates"),
            ("beta", curve("live_iter/beta"), number(self.buffer.beta, 3)),
            ("refused", "", f"{pushes:,} items of pushes, {samples:,} of samples"),
            ("the last", "", self.refusals.last),
        ]


class Panel:
    """One panel, redrawn in place."""

    period = 0.25

    def __init__(self) -> None:
        from rich.live import Live

        self._live = Live(auto_refresh=False)
        self._live.start()

    def show(self, run: Run) -> None:
        """Draws the panel anew."""
        from rich.panel import Panel as Frame
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True)
        for name, curve, told in run.rows():
            grid.add_row(Text(name, "cyan"), Text(curve.ljust(WIDTH), "green"), Text(told))
        width = min(self._live.console.width, 96)
        title = f"the collector {run.pace[0]}   {clock(run.elapsed)}"
        self._live.update(Frame(grid, title=title, title_align="left", width=width), refresh=True)

    def close(self) -> None:
        """Gives the terminal back."""
        self._live.stop()


class Lines:
    """One line for each look, for logs and pipes."""

    period = 1.0

    def show(self, run: Run) -> None:
        """Prints one line."""
        told = {name: figures for name, _, figures in run.rows()}
        print(
            f"{run.elapsed:4.1f} s, the collector {run.pace[0]}: {told['held']}, use {told['use']}; "
            f"refused {told['refused']}, the last: {told['the last']}",
            flush=True,
        )

    def close(self) -> None:
        """Needs nothing: every line is out already."""


def main(batches: int | None = None, seconds: float = 15.0) -> dict[str, Any]:
    run = Run(seconds, batches)
    display = Panel() if sys.stdout.isatty() and find_spec("rich") else Lines()
    log = logging.getLogger("ding_buffer")
    level, propagates = log.level, log.propagate
    log.setLevel(logging.INFO)
    log.addHandler(run.refusals)
    log.propagate = False  # or every refusal would go to the terminal as well
    try:
        with StopRequest() as stop, run.buffer, ThreadPoolExecutor(2) as pool:
            threads = [pool.submit(run.collect), pool.submit(run.learn)]
            try:
                while not (stop.wanted or run.elapsed >= seconds or any(one.done() for one in threads)):
                    display.show(run)
                    run.stop.wait(min(display.period, max(0.0, seconds - run.elapsed)))
                display.show(run)
            finally:
                run.stop.set()
            for one in threads:
                one.result()  # raises what the thread raised
            stats = run.buffer.stats()
    finally:
        display.close()
        log.removeHandler(run.refusals)
        log.setLevel(level)
        log.propagate = propagates
    how = "Stopped" if stop.wanted else "Done"
    drawn, pushed, last = stats["sampled"], stats["pushed"], run.refusals.last
    print(f"{how} after {run.iteration} updates on {drawn:,} samples of {pushed:,} items.")
    return {"updates": run.iteration, "stats": stats, "curves": dict(run.figures.curves), "last": last}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("batches", type=int, nargs="?", help="end after so many batches")
    parser.add_argument("--seconds", type=float, default=15.0, help="end after so long")
    told = parser.parse_args()
    if not told.seconds > 0:
        parser.error(f"--seconds must be above 0, got {told.seconds:g}")
    main(told.batches, told.seconds)

"""How many items came, were drawn and went, once a period."""

from __future__ import annotations

import operator
import threading
import time
from collections.abc import Mapping
from typing import Any

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.report_sink import ReportSink
from ding_buffer.structures.clock import Clock


class PeriodicThruputMonitor:
    """Counts what a buffer does and reports it every ``cfg["seconds"]`` seconds.

    To ``logger`` (the logger ``ding_buffer`` for None) goes a line of text, to ``tb_logger``, if there is
    one, the scalars ``{name}_sec/pushed_in``, ``{name}_sec/sampled_out`` and ``{name}_sec/removed``, numbers
    of items in the period, and ``{name}_sec/current_have``, items held at its end: the tags of DI-engine's
    code, whose documentation says ``buffer_{name}_sec``. Their step is the number of reports before.
    Afterwards the first three counters are 0 again.

    There is no thread: a counter that changes when the period is over makes the report, which covers the
    whole time since the last one, this change included; ``close`` reports what is left. Nothing is written
    anywhere before. What ``logger`` or ``tb_logger`` raises is counted in ``errors`` and goes no further (see
    ``ReportSink``). ``cfg`` is a mapping or has an attribute ``seconds``; ``clock`` returns seconds.

    ``count`` is safe to use from many threads; ``monitor.push_data_count += 1`` is two steps, as ever.
    """

    def __init__(
        self,
        name: str,
        cfg: Any,
        logger: Any = None,
        tb_logger: Any = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.name = name
        self._seconds = _seconds_of(cfg)
        self._sinks = [ReportSink(logger), *([] if tb_logger is None else [ReportSink(tb_logger)])]
        self._clock = clock
        self._began = clock()
        self._counts = dict.fromkeys(("pushed_in", "sampled_out", "removed"), 0)
        self._held = 0
        self._reports = 0
        self._closed = False
        self._lock = threading.RLock()

    def count(self, pushed: int = 0, sampled: int = 0, removed: int = 0, held: int | None = None) -> None:
        """Adds to the counters, and sets how many items are held, at once."""
        with self._lock:
            for key, more in zip(self._counts, (pushed, sampled, removed), strict=True):
                self._counts[key] += _whole(more)
            if held is not None:
                self._held = _whole(held)
            self._look_at_the_clock()

    @property
    def push_data_count(self) -> int:
        """Items pushed in this period."""
        return self._counts["pushed_in"]

    @push_data_count.setter
    def push_data_count(self, count: int) -> None:
        self._set("pushed_in", count)

    @property
    def sample_data_count(self) -> int:
        """Items drawn in this period."""
        return self._counts["sampled_out"]

    @sample_data_count.setter
    def sample_data_count(self, count: int) -> None:
        self._set("sampled_out", count)

    @property
    def remove_data_count(self) -> int:
        """Items that left in this period."""
        return self._counts["removed"]

    @remove_data_count.setter
    def remove_data_count(self, count: int) -> None:
        self._set("removed", count)

    @property
    def valid_count(self) -> int:
        """Items held."""
        return self._held

    @valid_count.setter
    def valid_count(self, count: int) -> None:
        with self._lock:
            self._held = _whole(count)
            self._look_at_the_clock()

    @property
    def errors(self) -> int:
        """How many times a report could not be handed on."""
        return sum(sink.errors for sink in self._sinks)

    def close(self) -> None:
        """Reports what was counted since the last report; there are no reports afterwards."""
        with self._lock:
            if not self._closed:
                self._closed = True
                if any(self._counts.values()):
                    self._report(self._clock())
                for sink in self._sinks:
                    sink.flush()

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.RLock())

    def _set(self, key: str, count: int) -> None:
        with self._lock:
            self._counts[key] = _whole(count)
            self._look_at_the_clock()

    def _look_at_the_clock(self) -> None:
        now = self._clock()
        if now - self._began >= self._seconds and not self._closed:
            self._report(now)

    def _report(self, now: float) -> None:
        figures = {**self._counts, "current_have": self._held}
        text = ", ".join(f"{key} {count}" for key, count in figures.items())
        text = f"{self.name}: in the past {now - self._began:.1f} seconds: {text}"
        step = self._reports
        # First, so that whoever is told may look at the counters, or raise.
        self._counts = dict.fromkeys(self._counts, 0)
        self._began = now
        self._reports += 1
        for sink in self._sinks:
            sink.write({f"{self.name}_sec/{key}": count for key, count in figures.items()}, step, text)


def _seconds_of(cfg: Any) -> float:
    seconds = cfg.get("seconds") if isinstance(cfg, Mapping) else getattr(cfg, "seconds", None)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
        raise BadArgument(f"cfg must name a period, seconds, above 0, got {seconds!r}.")
    return seconds


def _whole(count: Any) -> int:
    try:
        return operator.index(count)
    except TypeError:
        raise BadArgument(f"A count must be an int, got {count!r}.") from None

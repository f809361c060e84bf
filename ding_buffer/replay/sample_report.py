"""What was drawn of late, told every so many batches."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from ding_buffer.core.report_sink import ReportSink
from ding_buffer.replay.attr_monitor import SampledDataAttrMonitor

_LOG = logging.getLogger("ding_buffer")
_FIGURES = (
    ("avg", "use"),
    ("max", "use"),
    ("avg", "priority"),
    ("max", "priority"),
    ("min", "priority"),
    ("avg", "staleness"),
    ("max", "staleness"),
)


class SampleReport:
    """Follows use, priority and staleness of what is drawn, over the last ``average_range`` batches.

    Every ``print_freq`` batches it writes ``use_avg, use_max, priority_avg, priority_max, priority_min,
    staleness_avg, staleness_max, beta`` to the log, and to ``tb_logger`` under ``{name}_iter/`` by training
    iteration and under ``{name}_step/`` by env step; not by one that is not known (below 0).
    """

    def __init__(self, name: str, average_range: float, print_freq: int, tb_logger: Any = None) -> None:
        self._name = name
        self._freq = print_freq
        self._sink = None if tb_logger is None else ReportSink(tb_logger)
        self._batches = 0
        self.monitor = SampledDataAttrMonitor(lambda: float(self._batches), average_range)

    def sampled(self, batch: Sequence[Mapping[str, Any]], beta: float, train_iter: int, envstep: int) -> None:
        """Takes one batch of at least one payload, as it is handed out."""
        for key in ("use", "priority", "staleness"):
            values = [float(data[key]) for data in batch]
            setattr(self.monitor, f"{key}_avg", sum(values) / len(values))
            setattr(self.monitor, f"{key}_max", max(values))
            if key == "priority":
                self.monitor.priority_min = min(values)
        self._batches += 1
        if self._batches % self._freq == 0:
            self._tell(beta, {"iter": train_iter, "step": envstep})

    def _tell(self, beta: float, steps: Mapping[str, int]) -> None:
        figures = {f"{key}_{kind}": getattr(self.monitor, kind)[key]() for kind, key in _FIGURES}
        figures["beta"] = beta
        told = ", ".join(f"{name} {value:.6g}" for name, value in figures.items())
        text = f"{self._name}: batch {self._batches}, {told}"
        _LOG.info("%s", text)
        if self._sink is None:
            return
        for unit, step in steps.items():
            if step >= 0:
                tagged = {f"{self._name}_{unit}/{name}": value for name, value in figures.items()}
                self._sink.write(tagged, step, text)

"""What a monitor is to report, from plain lists."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest


class NaiveMonitor:
    """Keeps all that happens and works every figure out anew."""

    def __init__(self, capacity: int, began: float) -> None:
        self.capacity = capacity
        self.held: list[int] = []  # serials, which count up from 0
        self.priorities: dict[int, float] = {}
        self.pushed = self.sampled = self.batches = 0
        self.uses: Counter[int] = Counter()
        self._begin(began)

    def _begin(self, now: float) -> None:
        self.began = now
        self.came = self.drawn = self.went = 0
        self.ages: list[int] = []
        self.reuses: list[int] = []
        self.met: list[float] = []
        self.shares: list[float] = []

    def push(self, priority: float | None) -> None:
        if len(self.held) == self.capacity:
            self.remove([self.held[0]])
        self.held.append(self.pushed)
        if priority is not None:
            self.priorities[self.pushed] = priority
        self.pushed += 1
        self.came += 1

    def remove(self, serials: list[int]) -> None:
        self.held = [serial for serial in self.held if serial not in serials]
        self.went += len(serials)

    def sample(self, serials: list[int], weights: list[float]) -> None:
        self.batches += 1
        self.sampled += len(serials)
        self.drawn += len(serials)
        self.uses.update(serials)
        self.ages += [self.pushed - 1 - serial for serial in serials]
        self.reuses += [self.uses[serial] for serial in serials]
        self.met += [self.priorities[serial] for serial in serials if serial in self.priorities]
        if any(weights):
            square = sum(weight**2 for weight in weights)
            self.shares.append(sum(weights) ** 2 / (len(weights) * square))

    def report(self, now: float, name: str = "buffer") -> dict[str, Any]:
        """Returns what must be reported, and begins a new period."""
        seconds = now - self.began
        figures: dict[str, Any] = {
            "size": len(self.held),
            "pushed_total": self.pushed,
            "removed_total": self.pushed - len(self.held),
            "sampled_total": self.sampled,
            "batches_total": self.batches,
            "period_seconds": seconds,
        }
        if seconds:
            rates = {"pushed": self.came, "sampled": self.drawn, "removed": self.went}
            figures |= {f"{key}_per_second": count / seconds for key, count in rates.items()}
        for key, values in (("sample_age", self.ages), ("reuse", self.reuses), ("priority", self.met)):
            if values:
                figures |= {f"{key}_avg": sum(values) / len(values), f"{key}_max": max(values)}
        figures |= {"priority_min": min(self.met)} if self.met else {}
        if self.shares:
            figures |= {"ess_avg": sum(self.shares) / len(self.shares), "ess_min": min(self.shares)}
        self._begin(now)
        return {f"{name}/{key}": pytest.approx(value) for key, value in figures.items()}

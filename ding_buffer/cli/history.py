"""What happened in a run so far: the numbers behind the display and the picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

RECENT = 20
"""How many of the latest episodes "recent" means."""


@dataclass
class RunHistory:
    """Lists that grow with the run; every row begins with the env step it belongs to.

    ``episodes``: env step, return. ``evaluations``: env step, mean, lowest, highest. ``learning``: env
    step, mean loss, then the 10th, 50th and 90th percentile of the age in env steps of what was sampled,
    then the items held.
    """

    episodes: list[tuple[int, float]] = field(default_factory=list)
    evaluations: list[tuple[int, float, float, float]] = field(default_factory=list)
    learning: list[tuple[int, float, float, float, float, int]] = field(default_factory=list)

    def add_evaluation(self, env_step: int, returns: list[float]) -> None:
        """Notes one evaluation by its returns."""
        self.evaluations.append((env_step, float(np.mean(returns)), min(returns), max(returns)))

    def add_learning(self, env_step: int, loss: float, ages: list[int], held: int) -> None:
        """Notes one iteration of learning; ``ages`` are those of all transitions it sampled."""
        low, middle, high = np.percentile(ages, (10, 50, 90)).tolist() if ages else (0.0, 0.0, 0.0)
        self.learning.append((env_step, loss, low, middle, high, held))

    def recent_return(self) -> float | None:
        """Returns the mean return of the latest episodes, None before the first has ended."""
        latest = [value for _, value in self.episodes[-RECENT:]]
        return float(np.mean(latest)) if latest else None

    def best_return(self) -> float | None:
        """Returns the highest return of an episode."""
        return max((value for _, value in self.episodes), default=None)

    def best_evaluation(self) -> float | None:
        """Returns the highest mean of an evaluation."""
        return max((mean for _, mean, _, _ in self.evaluations), default=None)

    def state_dict(self) -> dict[str, Any]:
        """Returns the rows as plain lists."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> RunHistory:
        """Makes a history from what ``state_dict`` returned, also after a trip through JSON."""
        return cls(
            **{name: [tuple(row) for row in state[name]] for name in ("episodes", "evaluations", "learning")}
        )

"""What is wanted of ours, row by row, and whether it was reached."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.contest import Results
from benchmarks.rows import PAYLOAD, ROWS

PEERS = {"cpprb": "cpprb", "torchrl": "torchrl", "tianshou": "tianshou", "sb3": "SB3", "ding": "DI-engine"}
OURS = {"ours_c": "ours, C", "ours_numpy": "ours, numpy"}
NAMES = {"limit": "limit", **OURS, **PEERS}
MORE_IS_BETTER = {key for row in ROWS if row.more_is_better for key in row.keys}
ASKED = {"pipeline add": 0.5, "pipeline sample": 20.0}
"""Microseconds: 2 million items a second; 100 times the 500 batches a second of PAMIQ-Core's copies."""
TITLES = {key: title for row in ROWS for key, title in zip(row.keys, row.titles, strict=True)}


@dataclass(frozen=True)
class Target:
    """Ours is to be so many times better than ``against``, with C and with numpy (None: not asked).

    ``against`` is a peer, "best" (the best of them), the "limit", the limit's "lines", or the "payload" in
    bytes; of these three ours may be at most so many times as much. Or it is what is "asked" for.
    """

    key: str
    against: str
    c: float | None
    numpy: float | None

    @property
    def at_most(self) -> bool:
        return self.against in {"limit", "lines", "payload"}

    def wanted(self, ours: str) -> float | None:
        return self.c if ours == "ours_c" else self.numpy

    def theirs(self, results: Results) -> float | None:
        """Returns the figure that ours is held against."""
        if self.against == "payload":
            return float(PAYLOAD)
        if self.against == "asked":
            return ASKED[self.key]
        if self.against == "best":
            return best_peer(results, self.key)[1]
        key, name = ("lines", "limit") if self.against == "lines" else (self.key, self.against)
        return results.median(key, name)

    def reached(self, results: Results, ours: str) -> float | None:
        """Returns the ratio that ``wanted`` speaks of."""
        theirs, mine = self.theirs(results), results.median(self.key, ours)
        if not theirs or not mine:
            return None
        return mine / theirs if self.at_most or self.key in MORE_IS_BETTER else theirs / mine

    def met(self, results: Results, ours: str) -> bool | None:
        """Returns whether what is wanted was reached, to the digits shown; None if nobody can tell."""
        wanted, reached = self.wanted(ours), self.reached(results, ours)
        if wanted is None or reached is None:
            return None
        return round(reached, 1) <= wanted if self.at_most else round(reached, 2) >= wanted


def best_peer(results: Results, key: str) -> tuple[str, float | None]:
    """Returns the peer that does best in a row, and its figure."""
    medians = {name: figure.median for name, figure in results.figures.get(key, {}).items() if name in PEERS}
    if not medians:
        return "", None
    name = (max if key in MORE_IS_BETTER else min)(medians, key=lambda name: medians[name])
    return name, medians[name]


def _each(keys: list[str], against: str, c: float | None, numpy: float | None) -> list[Target]:
    return [Target(key, against, c, numpy) for key in keys]


PER = ["per 10k", "per 100k", "per 1M", "per 10M"]

TARGETS = [
    *_each(PER, "cpprb", 12, 1),
    *_each(PER, "torchrl", 4, None),
    *_each(PER, "tianshou", 5, None),
    Target("per step", "cpprb", 15, 1.4),
    Target("per step", "tianshou", 30, None),
    Target("per step", "torchrl", 60, None),
    Target("per step", "ding", 1000, None),
    Target("sample", "cpprb", 8, 5),
    Target("sample", "torchrl", 20, None),
    Target("sample", "lines", 2, None),
    Target("images", "cpprb", 1.1, 0.95),
    Target("push", "cpprb", 40, 20),
    Target("push", "sb3", 10, None),
    Target("push object", "ding", 30, 15),
    Target("sample objects", "ding", 100, 30),
    Target("by index", "ding", 500, 500),
    Target("groups", "ding", 400, 400),
    Target("nstep sample", "tianshou", 8, 1),
    *(Target(key, name, 1.2, 1.2) for key in ("save", "load") for name in ("sb3", "tianshou")),
    *_each(["save", "load"], "cpprb", 100, 100),
    *_each(["save", "load"], "limit", 1.5, 1.5),
    *_each(list(ASKED), "asked", 1, None),
    Target("layers 5", "ding", 5, 5),
    Target("layers 0", "ding", 4, 4),
    *(
        Target(key, "payload", most, most)
        for key, most in [("memory", 1.0), ("memory aligned", 1.6), ("told", 1.0)]
    ),
]

BEST = [
    Target("push", "best", 10, None),
    Target("push batch", "best", 3, None),
    Target("sample", "best", 5, None),
    *_each(PER, "best", 5, None),
    Target("images", "best", 1, None),
    Target("nstep push", "best", 5, None),
    Target("nstep sample", "best", 1.3, None),
    *_each(["slices", "slices pushed"], "best", 1.8, None),
    *_each(["save", "load"], "best", 1.2, None),
    Target("memory", "best", 1, None),
    *_each(
        ["threads adds/s", "threads samples/s", "processes adds/s", "processes samples/s"], "best", 2, None
    ),
]

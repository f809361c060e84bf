"""The rows of the tables: which work of a contestant is run, on how much, and in what its figure is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmarks.transitions import BYTES, CHUNK

MILLION = 1_000_000


@dataclass(frozen=True)
class Row:
    """One row. ``work`` names a function of the adapters and ``arguments`` what it is called with.

    ``kind`` is "time" (microseconds of a call), "rate" (calls a second, one for each name in ``parts``) or
    "once" (a number that a fresh process tells). ``scale`` multiplies into ``unit``. ``tiny`` are arguments
    at which the work is checked thoroughly before it is timed.
    """

    key: str
    title: str
    unit: str
    work: str
    arguments: dict[str, Any]
    tiny: dict[str, Any]
    kind: str = "time"
    scale: tuple[float, ...] = (1.0,)
    parts: tuple[str, ...] = field(default=("",))

    @property
    def keys(self) -> list[str]:
        """The keys of its figures, one a part."""
        return [f"{self.key} {part}".strip() for part in self.parts]

    @property
    def titles(self) -> list[str]:
        return [f"{self.title}, {part}" if part else self.title for part in self.parts]

    @property
    def more_is_better(self) -> bool:
        return self.kind == "rate"


def _sized(count: int) -> str:
    return f"{count // MILLION}M" if count >= MILLION else f"{count // 1000}k"


def _cycle(size: int) -> Row:
    name = _sized(size)
    return Row(
        f"per {name}",
        f"PER sample + update 256, N={name}",
        "us",
        "per_cycle",
        {"size": size},
        {"size": 2_000},
    )


def _row(
    key: str, title: str, work: str, size: int, tiny: int, unit: str = "us", scale: float = 1.0, **more: Any
) -> Row:
    return Row(key, title, unit, work, {"size": size, **more}, {"size": tiny, **more}, scale=(scale,))


def _once(key: str, title: str, work: str) -> Row:
    return Row(key, title, "bytes", work, {"size": MILLION}, {"size": 1_000}, "once")


ADDS = ("adds/s", "samples/s")
RATES = (float(CHUNK), 1.0)

ROWS = [
    *(_cycle(size) for size in (10_000, 100_000, MILLION, 10 * MILLION)),
    _row(
        "per step", "PER step: push 4, sample 256, update 256, N=1M", "per_cycle", MILLION, 2_000, pushes=True
    ),
    _row("sample", "sample 256 of 1M", "sample", MILLION, 2_000),
    _row("lines", "256 cache lines of 1M, places known", "lines", MILLION, 2_000),
    _row("images", "sample 256 pairs of image stacks of 10k", "images", 10_000, 300),
    _row("push", "push one", "push", 100_000, 256),
    _row("push batch", "push a batch of 64, per transition", "push_batch", 100_000, 256, scale=1 / CHUNK),
    _row("nstep push", "n-step (5): push one", "nstep_push", 100_000, 1_000),
    _row("nstep sample", "n-step (5): sample 256", "nstep_sample", 100_000, 2_000),
    _row("slices", "32 slices of 64 of 200k", "slices", 200_000, 2_000),
    _row(
        "slices pushed", "32 slices of 64 of 200k, a push before each", "slices", 200_000, 2_000, pushes=True
    ),
    _row("push object", "push one object", "push_object", 100_000, 256),
    _row("sample objects", "sample 256 objects of 1M", "sample_objects", MILLION, 2_000),
    _row("by index", "256 objects by index of 100k", "by_index", 100_000, 2_000),
    _row("groups", "32 groups of 200 of 200k objects", "groups", 200_000, 8_000),
    _row("pipeline add", "pipeline: add one mapping of 3 fields", "pipeline_add", 100_000, 256),
    _row("pipeline sample", "pipeline: sample 32 of 100k", "pipeline_sample", 100_000, 2_000),
    Row("layers 5", "a push that stores nothing, five layers", "us", "layers", {"count": 5}, {"count": 5}),
    Row("layers 0", "a push that stores nothing, no layer", "us", "layers", {"count": 0}, {"count": 0}),
    _row("save", "save 1M", "save", MILLION, 1_000, "ms", 1e-3),
    _row("load", "load 1M", "load", MILLION, 1_000, "ms", 1e-3),
    _once("memory", "resident bytes per transition at 1M", "memory"),
    _once("memory aligned", "the same, records of 64 bytes", "memory_aligned"),
    _once("told", "bytes per transition, as stats() says", "told"),
    Row("threads", "two threads", "", "threads", {"size": 100_000}, {"size": 2_000}, "rate", RATES, ADDS),
    Row(
        "processes",
        "two processes",
        "",
        "processes",
        {"size": 100_000},
        {"size": 20_000},
        "rate",
        RATES,
        ADDS,
    ),
    *(
        Row(
            f"samplers {count}",
            f"{count} thread{'s' if count > 1 else ''} sampling 256 of 1M, samples/s",
            "",
            "samplers",
            {"size": MILLION, "count": count},
            {"size": 2_000, "count": count},
            "rate",
        )
        for count in (1, 2, 3, 4)
    ),
]

PAYLOAD = BYTES  # bytes of one transition

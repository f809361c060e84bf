"""Runs rows over contestants in turn, a short round each: what disturbs the machine disturbs all alike."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

from benchmarks.contestant import Contestant
from benchmarks.rows import Row

ROUNDS = 7
SECONDS = {"time": 0.08, "rate": 0.5, "once": 0.0}  # of one round
PATIENCE = 8.0  # seconds after which a slow contestant gets no further round, if it had two


@dataclass(frozen=True)
class Figure:
    """The median of what was measured, its quartiles, and the least and the most."""

    median: float
    low: float
    high: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        low, median, high = statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
        return cls(median, low, high, min(values), max(values))


@dataclass
class Results:
    """Figures by row key and contestant; why others are missing; versions by contestant."""

    figures: dict[str, dict[str, Figure]] = field(default_factory=dict)
    missing: dict[str, dict[str, str]] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def figure(self, key: str, name: str) -> Figure | None:
        return self.figures.get(key, {}).get(name)

    def median(self, key: str, name: str) -> float | None:
        figure = self.figure(key, name)
        return None if figure is None else figure.median

    def plain(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, plain: dict[str, Any]) -> Results:
        figures = {
            key: {name: Figure(**figure) for name, figure in row.items()}
            for key, row in plain["figures"].items()
        }
        return cls(figures, plain["missing"], plain["versions"], plain["absent"])


class Contest:
    """Measures; ``say`` hears what is being done."""

    def __init__(
        self, contestants: Sequence[Contestant], say: Callable[[str], None], rounds: int = ROUNDS
    ) -> None:
        self.say, self.rounds = say, rounds
        self.results = Results()
        self.contestants = []
        for one in contestants:
            reply = one.ask(do="hello")
            if "versions" in reply:
                self.results.versions[one.name] = reply["versions"]
                self.contestants.append(one)
            else:
                self.results.absent[one.name] = reason(reply)
                one.close()

    def run(self, rows: Sequence[Row]) -> Results:
        try:
            for row in rows:
                start = perf_counter()
                (self._told if row.kind == "once" else self._measured)(row)
                self.say(f"{row.title:50} {perf_counter() - start:6.1f} s")
        finally:
            for one in self.contestants:
                one.close()
        return self.results

    def _told(self, row: Row) -> None:
        """Asks each in a process that has done nothing before."""
        for one in self.contestants:
            fresh = one.fresh()
            fresh.ask(do="hello")
            reply = fresh.ask(do="prepare", work=row.work, arguments=row.arguments, tiny={})
            reply = reply or fresh.ask(do="run", kind=row.kind, seconds=0.0)
            fresh.close()
            self._note(row, one.name, reply, reply.get("values", []))

    def _measured(self, row: Row) -> None:
        message = {"do": "prepare", "work": row.work, "arguments": row.arguments, "tiny": row.tiny}
        for one in self.contestants:
            one.send(**message)
        ready: list[Contestant] = []
        for one in self.contestants:
            reply = one.answer()
            if reply:
                self._note(row, one.name, reply, [])
                if not one.running:
                    one.ask(do="hello")
            else:
                ready.append(one)
        values: dict[str, list[Any]] = {one.name: [] for one in ready}
        spent = dict.fromkeys(values, 0.0)
        replies: dict[str, dict[str, Any]] = {}
        rounds = self.rounds if row.kind == "time" else max(2, self.rounds // 2)
        for turn in range(rounds):
            for one in ready:
                if spent[one.name] > PATIENCE and turn > 1:
                    continue
                start = perf_counter()
                reply = one.ask(do="run", kind=row.kind, seconds=SECONDS[row.kind])
                spent[one.name] += perf_counter() - start
                values[one.name] += reply.get("values", [])
                replies[one.name] = reply
        for one in ready:
            self._note(row, one.name, replies[one.name], values[one.name])
            one.ask(do="drop")

    def _note(self, row: Row, name: str, reply: dict[str, Any], values: list[Any]) -> None:
        for place, key in enumerate(row.keys):
            if not values:
                self.results.missing.setdefault(key, {})[name] = reason(reply)
                continue
            scale = row.scale[place]
            mine = [scale * (value[place] if isinstance(value, list) else value) for value in values]
            self.results.figures.setdefault(key, {})[name] = Figure.of(mine)


def reason(reply: dict[str, Any]) -> str:
    """Returns why there is no figure."""
    told = next((str(reply[key]) for key in ("absent", "wrong", "failed") if key in reply), "no answer")
    return re.sub(r"(?<!\w)/\S+", "...", told)  # no paths of this machine

"""Episodes as a plain list of steps, and every window of them by definition."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

Window = tuple[Any, ...]


@dataclass
class Step:
    """One item: its stream, and the items before and after it in its run."""

    stream: Hashable
    number: int
    before: Any = None
    after: Any = None


class Rule(NamedTuple):
    """Which windows are legal."""

    burn_in: int
    length: int
    stride: int
    pad_start: bool
    pad_end: bool


class NaiveRuns:
    """Items by name, oldest first, and who follows whom."""

    def __init__(self) -> None:
        self.steps: dict[Any, Step] = {}
        self.open: dict[Hashable, Any] = {}
        """The item of each stream that the next one follows."""

    def push(self, name: Any, stream: Hashable, end: bool) -> None:
        before = self.open.pop(stream, None)
        self.steps[name] = Step(stream, 0 if before is None else self.steps[before].number + 1, before)
        if before is not None:
            self.steps[before].after = name
        if not end:
            self.open[stream] = name

    def remove(self, names: Iterable[Any]) -> None:
        for name in set(names) & set(self.steps):
            step = self.steps.pop(name)
            if step.before is not None:
                self.steps[step.before].after = None
            if step.after is not None:
                self.steps[step.after].before = None
            self.close(name)

    def close(self, name: Any) -> None:
        """Nothing that comes will follow it."""
        self.open = {stream: last for stream, last in self.open.items() if last != name}

    def end(self, name: Any) -> None:
        """The item turns out to end its episode."""
        after, self.steps[name].after = self.steps[name].after, None
        if after is not None:
            self.steps[after].before = None
        self.close(name)

    def move(self, name: Any, stream: Hashable) -> None:
        """The item turns out to be of another stream: it belongs to nobody's run."""
        before, self.steps[name].before = self.steps[name].before, None
        if before is not None:
            self.steps[before].after = None
        self.end(name)
        self.steps[name].stream = stream

    def back(self, name: Any) -> Iterator[Any]:
        step = self.steps[name].before
        while step is not None:
            yield step
            step = self.steps[step].before

    def ahead(self, name: Any) -> Iterator[Any]:
        while name is not None:
            yield name
            name = self.steps[name].after

    def windows(self, rule: Rule, among: set[Any] | None = None) -> dict[Window, Any]:
        """Every legal window, and what names it: its first item, or with padded burn-in its first learned.

        ``among``: those whose items all lie there.
        """
        found = {}
        for first in self.steps:
            burnt = [name for name, _ in zip(self.back(first), range(rule.burn_in), strict=False)][::-1]
            learned = [name for name, _ in zip(self.ahead(first), range(rule.length), strict=False)]
            named = first if rule.pad_start or not burnt else burnt[0]
            legal = (rule.pad_start or len(burnt) == rule.burn_in) and (
                rule.pad_end or len(learned) == rule.length
            )
            legal = legal and self.steps[named].number % rule.stride == 0
            if legal and (among is None or among >= {*burnt, *learned}):
                before = [None] * (rule.burn_in - len(burnt))
                after = [None] * (rule.length - len(learned))
                window = (*before, *burnt, *learned, *after)
                found[window] = named
        return found

"""What must be true of a batch because a layer is in the chain, whatever else is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

EPSILON, ALPHA, BETA = 1e-12, 0.6, 0.4
ITERATION = "train_iter_data_collected"


def payload(number: int) -> dict[str, Any]:
    """Returns the transition of this number."""
    return {
        "obs": np.array([number]),
        "n": number,
        "reward": float(number),
        "next_obs": np.array([number + 0.5]),
        "terminated": number % 7 == 0,
        "truncated": number % 11 == 0,
    }


@dataclass
class Record:
    """What the model knows of one item."""

    number: int
    env: int | None
    iteration: int
    priority: float
    uses: int = 0

    @property
    def mass(self) -> float:
        return float((self.priority + EPSILON) ** ALPHA)


@dataclass
class Drawn:
    """One batch and what was true when it was drawn."""

    groups: list[list[Any]]
    """The items themselves, of a flat batch as one group."""
    fillers: list[list[Any]]
    flat: bool
    unroll_len: int
    now: int
    stored: dict[str, Any]
    """The stored items by index, as they stood before."""
    allowed: list[str]
    """What could be drawn, oldest first."""
    records: dict[str, Record]
    pushes: list[tuple[str, int | None]]
    """Every index there ever was, oldest first, with the env it was pushed with."""
    uses: Counter[str] = field(default_factory=Counter)
    gone: set[str] = field(default_factory=set)
    """What went with the draw, where what is ``stored`` is a copy that knows nothing of it."""
    windows: bool = False
    """Whether the groups are windows that a layer drew, and not what was asked for with ``groupby``."""

    @property
    def items(self) -> list[Any]:
        return [item for group in self.groups for item in group]

    def members(self, env: int | None) -> list[str]:
        return [index for index in self.allowed if self.records[index].env == env]


class Oracle:
    """Expects nothing. One a layer: override what the layer changes."""

    grouped_only = False
    replaces = False
    copies = False
    """Whether what is returned is not the stored item itself."""
    independent = False
    """Whether nothing is shared with what is stored."""
    pads = False
    thins = False
    """Whether in a full buffer another item than the oldest gives way, or the new one; see ``decisions``."""
    window = 0
    """How many items of one episode are drawn where a flat batch is asked for; 0: one."""

    def watch(self, buffer: Any) -> None:
        """Is given the buffer before anything happens to it."""

    def decision(self) -> str | None:
        """The index of the item that gives way to the next one, None where that is kept out."""
        raise NotImplementedError

    def query(self, now: int) -> dict[str, Any]:
        """What the layer needs to be told with each sample."""
        return {}

    def goes_first(self, record: Record, now: int) -> bool:
        """Whether an item is deleted before the draw."""
        return False

    def narrowed(self, indices: list[str]) -> list[str]:
        """What may be drawn of these, oldest first."""
        return indices

    def cut(self, length: int) -> int:
        """How many items of a group of this length are returned."""
        return length

    def check(self, drawn: Drawn) -> None:
        """Raises if the batch is not right."""

    def goes_last(self, record: Record) -> bool:
        """Whether an item is deleted after the draw."""
        return False

    def after(self, held: list[str], pushes: Sequence[tuple[str, int | None]]) -> None:
        """Raises if something is not right after a step: what is held, oldest first, and all there was."""


class Cloned(Oracle):
    """Nothing is shared."""

    copies = independent = True

    def check(self, drawn: Drawn) -> None:
        for item in [*drawn.items, *(filler for group in drawn.fillers for filler in group)]:
            stored = drawn.stored[item.index]
            assert item is not stored
            assert item.meta is not stored.meta
            assert not np.shares_memory(item.data["obs"], stored.data["obs"])


class Weighed(Oracle):
    """Weights follow from the priorities, and nothing of them is stored."""

    replaces = copies = True

    def check(self, drawn: Drawn) -> None:
        records = drawn.records
        if drawn.windows:  # drawn further out, by slot: nobody weighs them
            return
        if drawn.flat:
            least = min(record.mass for record in records.values())
            (group,) = drawn.groups
            expected = [[(records[item.index].mass / least) ** -BETA for item in group]]
        else:
            masses = [self._group_mass(drawn, group) for group in drawn.groups]
            if None in masses:  # a window that was cut afterwards: which one it was cannot be told
                expected = [[group[0].meta["priority_IS"]] * len(group) for group in drawn.groups]
            else:
                least = min(mass for mass in masses if mass is not None)
                weights = [(mass / least) ** -BETA for mass in masses if mass is not None]
                expected = [[one] * len(group) for one, group in zip(weights, drawn.groups, strict=True)]
        for group, weights in zip(drawn.groups, expected, strict=True):
            for item, weight in zip(group, weights, strict=True):
                assert item.meta["priority_IS"] == pytest.approx(weight)
                assert item.data["priority_IS"].tolist() == pytest.approx([weight], rel=1e-6)
                priority = records[item.index].priority
                assert priority == item.meta.get("priority", priority)  # through a view it may come without
        for stored in drawn.stored.values():
            assert "priority_IS" not in stored.meta
            assert "priority_IS" not in stored.data

    def _group_mass(self, drawn: Drawn, group: list[Any]) -> float | None:
        members = drawn.members(drawn.records[group[0].index].env)
        masses = np.array([drawn.records[index].mass for index in members])
        if not drawn.unroll_len:
            return float(masses.sum())
        if len(group) != drawn.unroll_len:
            return None
        windows = np.convolve(masses, np.ones(drawn.unroll_len), "valid")
        return float(masses.sum() * windows[members.index(group[0].index)] / windows.sum())


class Observed(Oracle):
    """Each batch is reported, with what is true of it."""

    def __init__(self) -> None:
        self.reports: list[dict[str, float]] = []

    def begin(self) -> Any:
        """Returns what is to be told of each batch, from now on."""
        self.reports = []
        return self.reports.append

    def check(self, drawn: Drawn) -> None:
        assert 1 == len(self.reports)
        report = self.reports.pop()
        figures = {tag.removeprefix("buffer/"): figure for tag, figure in report.items()}
        place = {index: place for place, (index, _) in enumerate(drawn.pushes)}
        newest = len(drawn.pushes) - 1
        values = {
            "sample_age": [newest - place[item.index] for item in drawn.items],
            "reuse": [drawn.records[item.index].uses + drawn.uses[item.index] for item in drawn.items],
            "priority": [item.meta["priority"] for item in drawn.items if "priority" in item.meta],
        }
        for name, numbers in values.items():
            if numbers:
                assert figures[f"{name}_avg"] == pytest.approx(sum(numbers) / len(numbers))
                assert figures[f"{name}_max"] == max(numbers)
        if "ess_avg" in figures:  # otherwise they are weighed further out
            weights = np.array([float(item.meta["priority_IS"]) for item in drawn.items])
            share = weights.sum() ** 2 / (len(weights) * (weights**2).sum())
            assert figures["ess_avg"] == figures["ess_min"] == pytest.approx(share)
        assert newest + 1 == figures["pushed_total"] == figures["size"] + figures["removed_total"]


class Cut(Oracle):
    """Groups are at most so long."""

    grouped_only = True

    def __init__(self, length: int) -> None:
        self._length = length

    def cut(self, length: int) -> int:
        return min(length, self._length)


class Counted(Oracle):
    """Every use is noted, and the last one is the last."""

    def __init__(self, max_use: int) -> None:
        self._max_use = max_use

    def check(self, drawn: Drawn) -> None:
        noted: dict[str, int] = {}
        for item in drawn.items:
            noted[item.index] = max(noted.get(item.index, 0), item.meta["use_count"])
        for index, count in drawn.uses.items():
            assert drawn.records[index].uses + count == noted[index]
            assert index in drawn.gone or noted[index] == drawn.stored[index].meta["use_count"]

    def goes_last(self, record: Record) -> bool:
        return record.uses >= self._max_use


class Fresh(Oracle):
    """Nothing too old is returned, and the age is noted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def query(self, now: int) -> dict[str, Any]:
        return {"train_iter_sample_data": now}

    def goes_first(self, record: Record, now: int) -> bool:
        return now - record.iteration > self._limit

    def check(self, drawn: Drawn) -> None:
        for item in drawn.items:
            assert drawn.now - drawn.records[item.index].iteration == item.meta["staleness"] <= self._limit


class Ranged(Oracle):
    """Only these positions are returned."""

    def __init__(self, part: slice) -> None:
        self._part = part

    def narrowed(self, indices: list[str]) -> list[str]:
        return indices[self._part]


class Padded(Oracle):
    """All groups are equally long."""

    pads = True

    def check(self, drawn: Drawn) -> None:
        pairs = list(zip(drawn.groups, drawn.fillers, strict=True))
        assert 1 == len({len(group) + len(fillers) for group, fillers in pairs})
        for group, fillers in pairs:
            assert {filler.index for filler in fillers} <= {item.index for item in group}
            assert not {id(filler) for filler in fillers} & {id(item) for item in group}


class Stepped(Oracle):
    """Every transition spans several steps of its env; fillers too."""

    copies = True

    def __init__(self, n: int, gamma: float) -> None:
        self._n, self._gamma = n, gamma

    def check(self, drawn: Drawn) -> None:
        place = {index: place for place, (index, _) in enumerate(drawn.pushes)}
        for item in [*drawn.items, *(filler for group in drawn.fillers for filler in group)]:
            taken = [payload(number) for number in self._numbers(drawn, place[item.index])]
            last = taken[-1]
            total = sum(self._gamma**power * step["reward"] for power, step in enumerate(taken))
            discount = 0.0 if last["terminated"] else self._gamma ** len(taken)
            assert item.data["reward"] == pytest.approx(total)
            assert item.data["discount"] == item.meta["discount"] == pytest.approx(discount)
            assert len(taken) == item.meta["n_step"]
            assert last["next_obs"].tolist() == item.data["next_obs"].tolist()
            assert last["truncated"] == item.data["truncated"]
        for stored in drawn.stored.values():
            assert stored.data["n"] == stored.data["reward"]
            assert "discount" not in stored.data

    def _numbers(self, drawn: Drawn, place: int) -> list[int]:
        first, env = drawn.pushes[place]
        numbers = [drawn.records[first].number]
        for index, its_env in drawn.pushes[place + 1 :]:
            over = numbers[-1] % 7 == 0 or numbers[-1] % 11 == 0
            if len(numbers) == self._n or over:
                break
            if its_env == env:
                if index not in drawn.records:
                    break
                numbers.append(drawn.records[index].number)
        return numbers


class Windowed(Oracle):
    """A flat batch is one of windows; that these are legal, the walk itself looks after."""

    def __init__(self, length: int) -> None:
        self.window = length

    def check(self, drawn: Drawn) -> None:
        assert not drawn.windows or {self.window} == {len(group) for group in drawn.groups}


class Accounted(Oracle):
    """What was pushed and is not held was handed over, each item once."""

    def begin(self) -> Callable[[list[Any], str], None]:
        """Returns what a new layer is to hand items to."""
        self._left: list[str] = []
        return self._take

    def _take(self, items: list[Any], reason: str) -> None:
        assert {reason} <= {"evicted", "deleted", "cleared"}  # a walk reloads only what is there
        assert [item.data["n"] for item in items] == [item.data["obs"][0] for item in items]
        self._left += [item.index for item in items]

    def after(self, held: list[str], pushes: Sequence[tuple[str, int | None]]) -> None:
        assert sorted(index for index, _ in pushes) == sorted([*held, *self._left])


class Paced(Oracle):
    """All that was pushed and drawn is counted, whoever pushed it, whatever else is done to the batch."""

    def begin(self, layer: Any) -> Any:
        """Returns the layer, whose counts it looks at from now on."""
        self._layer, self._drawn = layer, 0
        return layer

    def check(self, drawn: Drawn) -> None:
        self._drawn += len(drawn.items)

    def after(self, held: list[str], pushes: Sequence[tuple[str, int | None]]) -> None:
        counted = self._layer.stats()
        assert (len(pushes), self._drawn) == (counted["pushed"], counted["sampled"])


class Replaced(Oracle):
    """What was drawn decides which item gives way to a new one, or that the new one is kept out."""

    thins = True

    def __init__(self, chance: float | None) -> None:
        self._chance = chance

    def begin(self) -> dict[str, Any]:
        """Returns what a new layer is to draw with."""
        self.decisions: list[str | None] = []
        self._rng = np.random.default_rng(1)
        return {"pick": self._pick} if self._chance is None else {"draw": self._draw, "pick": self._pick}

    def watch(self, buffer: Any) -> None:
        self._buffer = buffer

    def _draw(self) -> float:
        number = float(self._rng.random())
        if number > (self._chance or 0.0):
            self.decisions.append(None)
        return number

    def _pick(self, count: int) -> int:
        slot, capacity = int(self._rng.integers(count)), self._buffer.capacity
        held = self._buffer.store.names(np.array([slot]))[0] if slot < capacity else None
        self.decisions.append(held)
        return slot

    def decision(self) -> str | None:
        return self.decisions.pop(0)

"""A buffer with windows and a plain model of its episodes, taken through random operations together."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.errors import NotEnoughItems
from ding_buffer.middleware.sequences import SequenceReplay
from tests.structures.naive_runs import NaiveRuns, Rule, Window


def numbers_of(batch: Any) -> list[Window]:
    """Returns the number of each item of each window, None for a filler."""
    if isinstance(batch, BufferedBatch):
        there = np.ones(batch.slots.shape, dtype=bool) if batch.mask is None else batch.mask
        rows = zip(batch.data["n"].tolist(), there.tolist(), strict=True)
        return [tuple([n if one else None for n, one in zip(*row, strict=True)]) for row in rows]
    return [tuple([None if item.index is None else item.data["n"] for item in window]) for window in batch]


def filled(storage, layer, lengths, *, size=40, key="done", **query) -> DequeBuffer:
    """Returns a buffer with episodes of these lengths, one after the other, numbered through."""
    buffer = DequeBuffer(size, storage=storage(), seed=0).use(layer)
    number = 0
    for length in lengths:
        for step in range(length):
            buffer.push({"n": number, "obs": np.ones(2), key: step == length - 1})
            number += 1
    return buffer


def windows_of(buffer: Any, rounds: int = 60, **query: Any) -> set[Any]:
    """Returns every window that comes up."""
    return {window for _ in range(rounds) for window in numbers_of(buffer.sample(3, replace=True, **query))}


class SequenceWalk:
    """Drives the buffer, keeps the model, and compares the two after each step."""

    def __init__(self, buffer: Any, rule: Rule, seed: int) -> None:
        self.buffer, self.rule = buffer, rule
        self.naive = NaiveRuns()
        self.rng = np.random.default_rng(seed)
        self.next = 0
        self.batches = 0

    @property
    def layer(self) -> Any:
        return next(one for one in self.buffer._middleware if isinstance(one, SequenceReplay))

    def run(self, steps: int) -> None:
        kinds = [self.push, self.extend, self.sample, self.sample_range, self.delete, self.update_flag]
        kinds += [self.update_stream, self.update_other, self.clear, self.reload, self.copy]
        chances = [0.36, 0.1, 0.2, 0.1, 0.06, 0.05, 0.03, 0.04, 0.01, 0.03, 0.02]
        for _ in range(steps):
            kinds[int(self.rng.choice(len(kinds), p=chances))]()
            self.compare()

    def where(self) -> Any:
        return self.buffer.view() if self.rng.random() < 0.2 else self.buffer

    def made(self) -> tuple[dict[str, Any], dict[str, Any]]:
        stream = int(self.rng.integers(3))
        terminated, truncated = (self.rng.random(2) < 0.07).tolist()
        self.naive.push(self.next, stream, terminated or truncated)
        self.next += 1
        data = {"n": self.next - 1, "obs": np.zeros(2), "terminated": terminated}
        return data, {"env": stream, "truncated": truncated}

    def trim(self) -> None:
        surplus = len(self.naive.steps) - self.buffer.size
        self.naive.remove(list(self.naive.steps)[: max(surplus, 0)])

    def push(self) -> None:
        where = self.where()
        if len(self.naive.steps) == self.buffer.size:  # the oldest goes before the new one comes
            self.naive.remove([next(iter(self.naive.steps))])
        where.push(*self.made())

    def extend(self) -> None:
        count = int(self.rng.integers(1, 9))
        if self.buffer.store.storage.columnar:  # all that go go first
            surplus = len(self.naive.steps) + count - self.buffer.size
            self.naive.remove(list(self.naive.steps)[: max(surplus, 0)])
            pairs = [self.made() for _ in range(count)]
        else:
            pairs = []
            for _ in range(count):
                if len(self.naive.steps) == self.buffer.size:
                    self.naive.remove([next(iter(self.naive.steps))])
                pairs.append(self.made())
        self.where().extend([data for data, _ in pairs], meta=[meta for _, meta in pairs])

    def some(self, most: int) -> list[int]:
        names = list(self.naive.steps)
        count = min(int(self.rng.integers(1, max(most, 1) + 1)), len(names))
        return [names[place] for place in self.rng.choice(len(names), count, replace=False)] if names else []

    def indices(self, names: list[int]) -> list[str]:
        held = {item.data["n"]: item.index for item in self.buffer}
        return [held[name] for name in names]

    def delete(self) -> None:
        most = 2 if self.rng.random() < 0.8 else self.buffer.size // 2
        gone = self.some(most)
        self.where().delete(self.indices(gone))
        self.naive.remove(gone)

    def update_flag(self) -> None:
        """An item turns out to be the last of its episode."""
        for name, index in zip(names := self.some(1), self.indices(names), strict=True):
            held = self.buffer.get_by_index(index)
            if self.rng.random() < 0.5:
                self.where().update(index, data={**held.data, "terminated": True})
            else:
                self.where().update([index], meta={"truncated": [True]})
            self.naive.end(name)

    def update_stream(self) -> None:
        for name, index in zip(names := self.some(1), self.indices(names), strict=True):
            stream = int(self.rng.integers(3))
            if stream != self.naive.steps[name].stream:
                self.where().update([index], meta={"env": [stream]})
                self.naive.move(name, stream)

    def update_other(self) -> None:
        indices = self.indices(self.some(4))
        if indices:
            self.where().update(indices, meta={"note": self.rng.integers(9, size=len(indices)).tolist()})

    def clear(self) -> None:
        self.where().clear()
        self.naive = NaiveRuns()

    def reload(self) -> None:
        """Saves and resumes: nothing may show."""
        self.buffer.load_state_dict(copy.deepcopy(self.buffer.state_dict()))

    def copy(self) -> None:
        self.buffer = copy.deepcopy(self.buffer)

    def sample(self) -> None:
        self.look(None, self.naive.windows(self.rule))

    def sample_range(self) -> None:
        names = list(self.naive.steps)
        start, length = (int(number) for number in self.rng.integers(self.buffer.size, size=2))
        part = slice(start, start + length)
        self.look(part, self.naive.windows(self.rule, among=set(names[part])))

    def look(self, part: slice | None, legal: dict[Window, int]) -> None:
        size, replace = int(self.rng.integers(1, 6)), bool(self.rng.random() < 0.5)
        try:
            batch = self.buffer.sample(size, replace=replace, sample_range=part)
        except NotEnoughItems:
            assert self.short(size, replace, len(legal))
            return
        assert not self.short(size, replace, len(legal))
        drawn = numbers_of(batch)
        assert size == len(batch) == len(drawn)
        assert set(drawn) <= set(legal)
        assert replace or self.replaces() or len(set(drawn)) == size
        learned = [[n is not None and at >= self.rule.burn_in for at, n in enumerate(w)] for w in drawn]
        assert learned == self.layer.learned(batch).tolist()
        self.batches += 1

    def replaces(self) -> bool:
        return type(self.layer) is not SequenceReplay

    def short(self, size: int, replace: bool, count: int) -> bool:
        return count == 0 or (size > count and not replace and not self.replaces())

    def compare(self) -> None:
        layer = self.layer
        layer._starts.check()
        names = {self.buffer.store.slots_of(item.index)[0]: item.data["n"] for item in self.buffer}
        assert list(self.naive.steps) == [item.data["n"] for item in self.buffer]
        expected = sorted(self.naive.windows(self.rule).values())
        assert expected == sorted(names[slot] for slot in layer._starts.slots.tolist())
        assert len(expected) == layer.stats()["windows"]

"""A buffer with some layers and a plain model of it, taken through many random operations together."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import NotEnoughItems
from tests.middleware.pair_oracles import ITERATION, Drawn, Oracle, Record, payload
from tests.structures.naive_runs import NaiveRuns, Rule

CAPACITY = 14


class Walk:
    """Drives the buffer, keeps the model, and compares the two after each step."""

    def __init__(self, buffer: DequeBuffer, oracles: Sequence[Oracle], seed: int) -> None:
        self.buffer = buffer
        self.outside = buffer.view()
        self.columns = buffer.store.storage.columnar
        self.oracles = list(oracles)
        self.rng = np.random.default_rng(seed)
        self.records: dict[str, Record] = {}  # oldest first
        self.highest = 1.0
        self.now = 0
        self.pushed = 0
        self.batches = 0
        self.known = ["never-there"]
        self.pushes: list[tuple[str, int | None]] = []  # all there ever were, with the env they had then
        self.runs: NaiveRuns = NaiveRuns()
        for oracle in self.oracles:
            oracle.watch(buffer)

    def run(self, steps: int) -> None:
        """Takes so many steps."""
        kinds = [self.push, self.extend, self.sample, self.update_many, self.update_one]
        kinds += [self.delete, self.spike, self.clear, self.reload]
        chances = [0.2, 0.15, 0.33, 0.08, 0.08, 0.06, 0.06, 0.015, 0.025]
        for _ in range(steps):
            self.now += int(self.rng.integers(2))
            kinds[int(self.rng.choice(len(kinds), p=chances))]()
            self.compare()

    def any(self, attribute: str) -> bool:
        return any(getattr(oracle, attribute) for oracle in self.oracles)

    # What changes the content.

    def payload_and_meta(self) -> tuple[dict[str, Any], dict[str, Any]]:
        env = None if self.rng.random() < 0.1 else int(self.rng.integers(4))
        meta: dict[str, Any] = {ITERATION: self.now - int(self.rng.integers(5)), "env": env}
        if self.rng.random() < 0.7:
            meta["priority"] = float(self.rng.integers(100)) / 10
        self.pushed += 1
        return payload(self.pushed), meta

    def makes_room(self, outside: bool = False) -> bool:
        """Forgets who gives way to the next item, if anybody must; returns whether it comes in at all."""
        if len(self.records) < CAPACITY:
            return True
        leaving: str | None = next(iter(self.records))
        for oracle in [] if outside else self.oracles:
            if oracle.thins and leaving is not None:
                leaving = oracle.decision()
        self.forget([] if leaving is None else [leaving])
        return leaving is not None

    def take_in(self, index: str, data: dict[str, Any], meta: dict[str, Any]) -> None:
        priority = meta.get("priority", self.highest)
        self.highest = max(self.highest, priority)
        self.runs.push(index, meta["env"], data["terminated"] or data["truncated"])
        self.records[index] = Record(data["n"], meta["env"], meta[ITERATION], priority)
        self.known.append(index)
        self.pushes.append((index, meta["env"]))

    def push(self) -> None:
        data, meta = self.payload_and_meta()
        before = dict(meta)
        outside = self.rng.random() < 0.3
        item = (self.outside if outside else self.buffer).push(data, meta)
        assert before == meta
        assert self.makes_room(outside) is (item is not None)
        if item is None:
            return
        if not outside:
            self.not_shared(data, item)
        self.take_in(item.index, data, meta)

    def extend(self) -> None:
        pairs = [self.payload_and_meta() for _ in range(int(self.rng.integers(1, 6)))]
        batch: Any = [data for data, _ in pairs]
        if self.columns and self.pushed % 2:
            batch = {key: np.array([data[key] for data in batch]) for key in batch[0]}
        items = self.buffer.extend(batch, meta=[meta for _, meta in pairs])
        for item, (data, meta) in zip(items, pairs, strict=True):
            assert self.makes_room() is (item is not None)
            if item is not None:
                # Where a layer has no way to push many, each payload of a list is pushed by itself.
                one_by_one = self.any("thins") and isinstance(batch, list)
                self.not_shared(data, item, copied=self.columns and not one_by_one)
                self.take_in(item.index, data, meta)

    def not_shared(self, data: dict[str, Any], item: Any, copied: bool = False) -> None:
        assert data["n"] == item.data["n"]
        shared = not (copied or self.any("independent"))
        assert shared == np.shares_memory(data["obs"], item.data["obs"])

    def some(self, most: int) -> list[str]:
        """Some indices, one of them twice, some long gone."""
        recent = self.known[-2 * CAPACITY :]
        count = int(self.rng.integers(1, most))
        chosen = [recent[place] for place in self.rng.integers(len(recent), size=count).tolist()]
        return [*chosen, chosen[0], self.known[0]]

    def set_priorities(self, indices: Sequence[str], priorities: Sequence[float]) -> None:
        there = self.buffer.update(list(indices), meta={"priority": list(priorities)})
        assert [index in self.records for index in indices] == there.tolist()
        for index, priority in zip(indices, priorities, strict=True):
            if index in self.records:
                self.records[index].priority = priority
        named = [self.records[index].priority for index in indices if index in self.records]
        self.highest = max(self.highest, *named, 0.0)

    def update_many(self) -> None:
        indices = self.some(6)
        self.set_priorities(indices, (self.rng.integers(100, size=len(indices)) / 10).tolist())

    def update_one(self) -> None:
        index = self.some(2)[0]
        data, meta = self.payload_and_meta()
        known = index in self.records
        assert known is self.buffer.update(index, data=data, meta=meta)
        if known:
            record = self.records[index]
            if record.env != meta["env"]:
                self.runs.move(index, meta["env"])
            if data["terminated"] or data["truncated"]:
                self.runs.end(index)
            record.number, record.env, record.iteration = data["n"], meta["env"], meta[ITERATION]
            record.priority = meta.get("priority", record.priority)
            self.highest = max(self.highest, record.priority)
            self.not_shared(data, self.outside.get_by_index(index), copied=self.columns)

    def delete(self) -> None:
        indices = self.some(4)
        gone = set(indices) & set(self.records)
        assert len(gone) == (self.outside if self.rng.random() < 0.5 else self.buffer).delete(iter(indices))
        self.forget(gone)

    def forget(self, indices: Any) -> None:
        for index in indices:
            del self.records[index]
            self.runs.remove([index])

    def clear(self) -> None:
        self.buffer.clear()
        self.records.clear()
        self.runs = NaiveRuns()
        self.highest = 1.0

    def reload(self) -> None:
        """Saves and resumes: nothing may show."""
        self.buffer.load_state_dict(copy.deepcopy(self.buffer.state_dict()))

    # What draws.

    def sample(self) -> None:
        """Asks for a batch in some way and looks at all of it."""
        kind = int(self.rng.integers(3)) if not self.any("grouped_only") else int(self.rng.integers(1, 3))
        size = int(self.rng.integers(1, 6))
        query: dict[str, Any] = {"groupby": "env"} if kind else {}
        query |= {"unroll_len": int(self.rng.integers(2, 4))} if kind == 2 else {}
        query |= {"replace": True} if self.rng.random() < 0.3 else {}
        self.draw(size, query)

    def draw(self, size: int, query: dict[str, Any]) -> Drawn | None:
        for oracle in self.oracles:
            query = {**query, **oracle.query(self.now)}
        self.forget(set(self.records) - set(self.fresh()))
        allowed = self.allowed()
        stored = {item.index: item for item in self.outside}
        try:
            batch = self.buffer.sample(size, **query)
        except NotEnoughItems:
            assert self.too_few(size, allowed, query)
            return None
        assert not self.too_few(size, allowed, query)
        assert size == len(batch)
        drawn = self.opened(batch, allowed, stored, query)
        if self.columns:  # what was there before are copies, which tell nothing of now
            drawn.stored = {**stored, **{item.index: item for item in self.outside}}
            drawn.gone = set(stored) - {item.index for item in self.outside}
        self.look(drawn, query)
        for oracle in self.oracles:
            oracle.check(drawn)
        for index, count in drawn.uses.items():
            self.records[index].uses += count
        worn = [i for i, record in self.records.items() if any(o.goes_last(record) for o in self.oracles)]
        self.forget(worn)
        self.batches += 1
        return drawn

    def fresh(self) -> list[str]:
        """What the next draw does not delete first."""
        gone = (any(o.goes_first(record, self.now) for o in self.oracles) for record in self.records.values())
        return [index for index, going in zip(self.records, gone, strict=True) if not going]

    def allowed(self) -> list[str]:
        """What the next draw may take."""
        indices = self.fresh()
        for oracle in reversed(self.oracles):
            indices = oracle.narrowed(indices)
        return indices

    def too_few(self, size: int, allowed: Sequence[str], query: dict[str, Any]) -> bool:
        replace = query.get("replace", False) or self.any("replaces")
        if self.window(query):
            count, replace = len(self.windows(allowed, query)), query.get("replace", False)
        elif "groupby" in query:
            held = Counter(self.records[index].env for index in allowed)
            del held[None]
            count = sum(length >= query.get("unroll_len", 1) for length in held.values())
        else:
            count = len(allowed)
        return count == 0 or (size > count and not replace)

    def window(self, query: dict[str, Any]) -> int:
        """How long the windows are that a layer draws for this query; 0 where none does.

        A layer further out that draws items itself leaves it nothing to draw.
        """
        oracles = [] if "groupby" in query else self.oracles
        return next((oracle.window for oracle in oracles if oracle.window or oracle.replaces), 0)

    def windows(self, allowed: Sequence[str], query: dict[str, Any]) -> set[Any]:
        """The indices of every window that may be drawn."""
        return set(self.runs.windows(Rule(0, self.window(query), 1, False, False), among=set(allowed)))

    def length(self, members: int, query: dict[str, Any]) -> int:
        """How many items of its own a group has."""
        length = query.get("unroll_len", members)
        for oracle in self.oracles:
            length = oracle.cut(length)
        return int(length)

    def opened(self, batch: Any, allowed: list[str], stored: dict[str, Any], query: dict[str, Any]) -> Drawn:
        windows = bool(self.window(query))
        flat = "groupby" not in query and not windows
        unroll_len, records = query.get("unroll_len", 0), dict(self.records)
        drawn = Drawn([], [], flat, unroll_len, self.now, stored, allowed, records, self.pushes)
        for group in [batch] if flat else batch:
            own = len(group)
            if not flat and not windows and self.any("pads"):
                own = self.length(len(drawn.members(self.records[group[0].index].env)), query)
            items = list(group)  # columns make them when asked
            drawn.groups.append(items[:own])
            drawn.fillers.append(items[own:])
        drawn.uses = Counter(item.index for item in drawn.items)
        drawn.windows = windows
        return drawn

    def look(self, drawn: Drawn, query: dict[str, Any]) -> None:
        """What must be true of every batch."""
        items = [*drawn.items, *(filler for group in drawn.fillers for filler in group)]
        assert len(items) == len({id(item) for item in items})
        assert len(items) == len({id(item.data["obs"]) for item in items})
        first_seen: set[str] = set()
        replace = query.get("replace", False) or self.any("replaces")
        # Where a group that was drawn twice is cut, its first occurrence may lie in what was cut away.
        by_reference = not (self.columns or self.any("copies") or (replace and self.any("grouped_only")))
        for item in drawn.items:
            assert item.index in drawn.allowed
            assert self.records[item.index].number == item.data["n"] == item.data["obs"][0]
            if item.index not in first_seen and by_reference:
                assert item is drawn.stored[item.index]
            first_seen.add(item.index)
        if drawn.flat:
            assert replace or len(drawn.items) == len(first_seen)
            return
        if drawn.windows:
            taken = [tuple(item.index for item in group) for group in drawn.groups]
            assert set(taken) <= self.windows(drawn.allowed, query)
            assert query.get("replace", False) or len(set(taken)) == len(taken)
            return
        for group in drawn.groups:
            env = self.records[group[0].index].env
            members = drawn.members(env)
            assert env is not None
            start = members.index(group[0].index)
            assert members[start : start + self.length(len(members), query)] == [item.index for item in group]
        envs = {self.records[group[0].index].env for group in drawn.groups}
        assert replace or len(drawn.groups) == len(envs)

    def spike(self) -> None:
        """Gives all the priority to one item: a layer that knows priorities draws nothing else."""
        self.set_priorities(list(self.records), [0.0] * len(self.records))
        live = [index for index in self.allowed() if self.records[index].env is not None]
        if live:
            heavy = live[int(self.rng.integers(len(live)))]
            self.set_priorities([heavy], [5.0])
            env = self.records[heavy].env
            groups = self.any("grouped_only") or self.window({}) > 0 or self.rng.random() < 0.5
            drawn = self.draw(1, {"groupby": "env"} if groups else {})
            assert drawn is not None
            if self.any("replaces"):
                assert {env} == {drawn.records[item.index].env for item in drawn.items}
                assert groups or {heavy} == set(drawn.uses)
        priorities = self.rng.integers(100, size=len(self.records)) / 10
        self.set_priorities(list(self.records), priorities.tolist())

    def compare(self) -> None:
        """The buffer and the model hold the same."""
        items = list(self.outside)
        assert list(self.records) == [item.index for item in items] == [item.index for item in self.buffer]
        for record, item in zip(self.records.values(), items, strict=True):
            said = (item.data["n"], item.meta["env"], item.meta[ITERATION])
            assert (record.number, record.env, record.iteration) == said
        for oracle in self.oracles:
            oracle.after(list(self.records), self.pushes)
        self.buffer.store.check()

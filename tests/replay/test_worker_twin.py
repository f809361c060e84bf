"""Worker buffers against lists and linear scans, driven with the same random operations."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ding_buffer.replay.advanced_buffer import AdvancedReplayBuffer
from ding_buffer.replay.naive_buffer import NaiveReplayBuffer

bounds = st.one_of(st.none(), st.integers(-9, 9))
ranges = st.one_of(st.none(), st.builds(slice, bounds, bounds, st.sampled_from([None, 1, 2])))
priorities = st.one_of(st.none(), st.integers(0, 5), st.floats(0, 10))


class NaiveDriver(RuleBasedStateMachine):
    """A ``NaiveReplayBuffer`` and the list it means."""

    @initialize(capacity=st.integers(1, 7), deepcopy=st.booleans())
    def begin(self, capacity: int, deepcopy: bool) -> None:
        self.cfg: dict[str, Any] = {"replay_buffer_size": capacity, "deepcopy": deepcopy, "seed": 0}
        self.buffer = NaiveReplayBuffer(self.cfg)
        self.capacity, self.items, self.next, self.pushed = capacity, list[int](), 0, 0

    @rule(count=st.integers(0, 9), listed=st.booleans())
    def push(self, count: int, listed: bool) -> None:
        new = list(range(self.next, self.next + count))
        if listed:
            self.buffer.push(new, 0)
        else:
            for number in new:
                self.buffer.push(number, 0)
        self.items = (self.items + new)[-self.capacity :]
        self.next += count
        self.pushed += count

    @rule(size=st.integers(0, 9), part=ranges, replace=st.booleans())
    def sample(self, size: int, part: slice | None, replace: bool) -> None:
        within = self.items if part is None else self.items[part]
        batch = self.buffer.sample(size, 0, part, replace)
        if size and (not within or (size > len(within) and not replace)):
            assert batch is None
            return
        assert batch is not None
        assert size == len(batch)
        assert set(batch) <= set(within) or not size
        assert replace or len(set(batch)) == size

    @rule()
    def clear(self) -> None:
        self.buffer.clear()
        self.items, self.pushed = [], 0

    @rule(capacity=st.integers(1, 9))
    def move_to_another(self, capacity: int) -> None:
        other = NaiveReplayBuffer({**self.cfg, "replay_buffer_size": capacity})
        other.load_state_dict(self.buffer.state_dict())
        self.buffer, self.capacity = other, capacity
        self.items = self.items[-capacity:]

    @rule(count=st.integers(0, 9), holes=st.integers(0, 2))
    def load_data_alone(self, count: int, holes: int) -> None:
        new = list(range(self.next, self.next + count))
        self.buffer.load_state_dict({"data": new + [None] * holes})
        self.items = (self.items + new)[-self.capacity :]
        self.next += count
        self.pushed += count

    @invariant()
    def they_agree(self) -> None:
        assert self.items == [item.data for item in self.buffer.buffer]
        assert (len(self.items), self.pushed) == (self.buffer.count(), self.buffer.push_count)
        self.buffer.buffer.store.check()


class AdvancedDriver(RuleBasedStateMachine):
    """An ``AdvancedReplayBuffer`` and the list of dicts it means."""

    @initialize(
        capacity=st.integers(1, 7),
        max_use=st.sampled_from([1, 2, 5, float("inf")]),
        max_staleness=st.sampled_from([1, 3, float("inf")]),
        ratio=st.sampled_from([1, 1.5, 2]),
        deepcopy=st.booleans(),
        alpha=st.sampled_from([0.0, 0.5, 1.0]),
        beta=st.sampled_from([0.0, 0.4, 1.0]),
        anneal=st.sampled_from([0, 7]),
    )
    def begin(self, capacity, max_use, max_staleness, ratio, deepcopy, alpha, beta, anneal) -> None:
        self.cfg: dict[str, Any] = {
            "replay_buffer_size": capacity,
            "max_use": max_use,
            "max_staleness": max_staleness,
            "thruput_controller": {"sample_min_limit_ratio": ratio},
            "deepcopy": deepcopy,
            "alpha": alpha,
            "beta": beta,
            "anneal_step": anneal,
            "seed": 0,
        }
        self.buffer = AdvancedReplayBuffer(self.cfg, instance_name="twin")
        self.capacity, self.items = capacity, list[dict[str, Any]]()
        self.next, self.highest, self.drawn = 0, 1.0, 0
        self.batches: list[dict[str, Any]] = []

    def beta(self) -> float:
        start, over = self.cfg["beta"], self.cfg["anneal_step"]
        return min(1.0, start + (1 - start) * self.drawn / over) if over else start

    @rule(
        given=st.lists(
            st.tuples(priorities, st.one_of(st.none(), st.integers(0, 6)), st.booleans()), max_size=9
        )
    )
    def push(self, given: list[tuple[Any, Any, bool]]) -> None:
        payloads: list[Any] = []
        for priority, collected, fits in given:
            if not fits:
                payloads.append("no dict")
                continue
            payload: dict[str, Any] = {"n": self.next, "inner": [self.next]}
            if priority is not None:
                payload["priority"] = priority
            if collected is not None:
                payload["collect_iter"] = [collected + 1, collected] if self.next % 2 else collected
            payloads.append(payload)
            self.highest = max(self.highest, priority or 0)
            own = self.highest if priority is None else float(priority)
            self.items.append({"n": self.next, "priority": own, "collected": collected, "use": 0})
            self.next += 1
        self.items = self.items[-self.capacity :]
        self.buffer.push(payloads, 0)

    @rule(size=st.integers(0, 6), now=st.integers(0, 8), part=ranges)
    def sample(self, size: int, now: int, part: slice | None) -> None:
        batch = self.buffer.sample(size, now, part)
        if size == 0:
            assert [] == batch
            return
        limit = self.cfg["max_staleness"]
        self.items = [
            item for item in self.items if item["collected"] is None or now - item["collected"] < limit
        ]
        within = self.items if part is None else self.items[part]
        if len(self.items) < size * self.cfg["thruput_controller"]["sample_min_limit_ratio"] or not within:
            assert batch is None
            return
        assert batch is not None
        assert size == len(batch)
        by_number = {item["n"]: item for item in within}
        masses = {item["n"]: (item["priority"] + 1e-5) ** self.cfg["alpha"] for item in self.items}
        for data in batch:
            item = by_number[data["n"]]
            item["use"] += 1
            weight = (masses[item["n"]] / min(masses.values())) ** -self.beta()
            age = -1 if item["collected"] is None else now - item["collected"]
            assert weight == pytest.approx(data["IS"])
            assert (item["priority"], age, f"twin_{item['n']}", [item["n"]]) == (
                data["priority"],
                data["staleness"],
                data["replay_unique_id"],
                data["inner"],
            )
        for data in batch:
            assert data["use"] <= by_number[data["n"]]["use"]
        last = {data["n"]: max(one["use"] for one in batch if one["n"] == data["n"]) for data in batch}
        assert {number: by_number[number]["use"] for number in last} == last
        self.items = [item for item in self.items if item["use"] < self.cfg["max_use"]]
        self.drawn += 1
        self.batches += batch

    @rule(values=st.lists(st.one_of(st.integers(0, 5), st.floats(0, 10)), max_size=8))
    def update(self, values: list[float]) -> None:
        told = self.batches[-len(values) :] if values else []
        values = values[: len(told)]
        self.buffer.update(
            {
                "replay_buffer_idx": [data["replay_buffer_idx"] for data in told],
                "replay_unique_id": [data["replay_unique_id"] for data in told],
                "priority": values,
            }
        )
        by_number = {item["n"]: item for item in self.items}
        for data, value in zip(told, values, strict=True):
            if data["n"] in by_number:
                by_number[data["n"]]["priority"] = float(value)
                self.highest = max(self.highest, value)

    @rule()
    def clear(self) -> None:
        self.buffer.clear()
        self.items, self.highest = [], 1.0

    @rule(capacity=st.integers(1, 9))
    def move_to_another(self, capacity: int) -> None:
        other = AdvancedReplayBuffer({**self.cfg, "replay_buffer_size": capacity}, instance_name="twin")
        other.load_state_dict(self.buffer.state_dict())
        self.buffer, self.capacity = other, capacity
        self.items = self.items[-capacity:]
        self.batches = []  # places are others now

    @invariant()
    def they_agree(self) -> None:
        held = [(item.data["n"], item.meta["priority"]) for item in self.buffer.buffer]
        assert [(item["n"], item["priority"]) for item in self.items] == held
        assert (len(self.items), self.next) == (self.buffer.count(), self.buffer.push_count)
        assert self.beta() == pytest.approx(self.buffer.beta)
        added = {"replay_unique_id", "IS", "use", "staleness", "replay_buffer_idx"}
        assert not any(added & set(item.data) for item in self.buffer.buffer)
        self.buffer.buffer.store.check()


TestNaive = NaiveDriver.TestCase
TestNaive.settings = settings(max_examples=60, stateful_step_count=30)
TestAdvanced = AdvancedDriver.TestCase
TestAdvanced.settings = settings(max_examples=100, stateful_step_count=30)

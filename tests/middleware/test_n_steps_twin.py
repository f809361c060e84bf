"""Targets over several steps against their definition, from a history that forgets nothing."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.middleware.n_steps import n_step
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from tests.middleware.step_buffers import everything, transition


@dataclass
class Pushed:
    """One transition that was pushed, whatever became of it."""

    index: str
    stream: Any
    reward: float
    next_obs: float
    terminated: bool
    truncated: bool
    there: bool = True


class History:
    """Every transition in the order of the pushes."""

    def __init__(self, n: int, gamma: float) -> None:
        self.n, self.gamma = n, gamma
        self.steps: list[Pushed] = []

    def gone(self, kept: set[str]) -> None:
        """Notes that only these are left."""
        for step in self.steps:
            step.there = step.there and step.index in kept

    def target(self, index: str) -> tuple[float, float, float, int, bool, bool]:
        """Returns return, discount, next observation, steps taken and the flags of the last of them."""
        place = next(place for place, step in enumerate(self.steps) if step.index == index)
        taken = [self.steps[place]]
        for step in self.steps[place + 1 :]:
            if len(taken) == self.n or taken[-1].terminated or taken[-1].truncated:
                break
            if step.stream == taken[0].stream:
                if not step.there:
                    break
                taken.append(step)
        total = sum(self.gamma**power * step.reward for power, step in enumerate(taken))
        last = taken[-1]
        discount = 0.0 if last.terminated else self.gamma ** len(taken)
        return total, discount, last.next_obs, len(taken), last.terminated, last.truncated


STEP = st.tuples(st.sampled_from([0, 0, 0, 1, "b", None]), st.sampled_from(["", "", "", "terminal", "cut"]))
MOVE = st.one_of(
    st.tuples(st.just("push"), STEP),
    st.tuples(st.just("extend"), st.lists(STEP, min_size=1, max_size=12)),
    st.tuples(st.just("delete"), st.lists(st.integers(0, 30), min_size=1, max_size=3)),
    st.tuples(st.just("end"), st.integers(0, 30)),
    st.tuples(st.just("reload"), st.none()),
    st.tuples(st.just("clear"), st.none()),
)


class Player:
    """Does the same to a buffer and to a history."""

    def __init__(self, storage: Any, n: int, gamma: float, capacity: int) -> None:
        self.make = lambda: DequeBuffer(capacity, storage=storage(), seed=0).use(n_step(n, gamma))
        self.buffer, self.history = self.make(), History(n, gamma)

    def made(self, stream: Any, end: str, ahead: int) -> tuple[Pushed, dict[str, Any], dict[str, Any]]:
        number = len(self.history.steps) + ahead
        data = transition(number, terminated=end == "terminal", truncated=end == "cut")
        step = Pushed(
            "", stream, data["reward"], data["next_obs"], bool(data["terminated"]), bool(data["truncated"])
        )
        return step, data, {} if stream is None else {"env": stream}

    def push(self, step):
        pushed, data, meta = self.made(step[0], step[1], 0)
        pushed.index = self.buffer.push(data, meta=meta).index
        self.history.steps.append(pushed)

    def extend(self, steps):
        made = [self.made(stream, end, ahead) for ahead, (stream, end) in enumerate(steps)]
        items = self.buffer.extend([data for _, data, _ in made], meta=[meta for _, _, meta in made])
        for item, (pushed, _, _) in zip(items, made, strict=True):
            pushed.index = item.index
            self.history.steps.append(pushed)

    def delete(self, places):
        if self.history.steps:
            steps = self.history.steps
            self.buffer.view().delete([steps[-1 - place % len(steps)].index for place in places])

    def end(self, place):
        """Lets an update terminate an episode."""
        if len(self.buffer):
            item = self.buffer[place % len(self.buffer)]
            self.buffer.update(item.index, data={**item.data, "terminated": True}, meta=item.meta)
            next(step for step in self.history.steps if step.index == item.index).terminated = True

    def reload(self, _):
        state = copy.deepcopy(self.buffer.state_dict())
        self.buffer = self.make()
        self.buffer.load_state_dict(state)

    def clear(self, _):
        self.buffer.clear()

    def compare(self):
        self.history.gone({item.index for item in self.buffer})
        batch = everything(self.buffer)
        assert sum(step.there for step in self.history.steps) == len(batch)
        for item in batch:
            data, meta = item.data, item.meta
            found = (
                data["reward"],
                meta["discount"],
                data["next_obs"],
                meta["n_step"],
                data["terminated"],
                data["truncated"],
            )
            assert pytest.approx(self.history.target(item.index)) == found
            assert meta["discount"] == data["discount"]
            assert self.buffer.get_by_index(item.index).data["obs"] == data["obs"]


@pytest.mark.parametrize("storage", [ObjectStorage, ColumnStorage])
@settings(max_examples=150, deadline=None)
@given(
    moves=st.lists(MOVE, max_size=14),
    n=st.integers(1, 5),
    gamma=st.sampled_from([0.0, 0.5, 0.99, 1.0]),
    capacity=st.integers(1, 9),
)
def test_targets_are_those_of_the_definition_whatever_happens(storage, moves, n, gamma, capacity):
    player = Player(storage, n, gamma, capacity)
    for move, what in moves:
        getattr(player, move)(what)
        player.compare()

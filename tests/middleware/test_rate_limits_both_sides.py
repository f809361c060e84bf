from __future__ import annotations

import copy
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import (
    BadArgument,
    NotEnoughItems,
    RateLimited,
)
from ding_buffer.middleware.rate_limits import rate_limit
from ding_buffer.middleware.use_count import use_time_check
from tests.middleware.rate_limited import STORAGES, made
from tests.middleware.side_threads import PATIENCE, running


class Twin:
    """A refusing buffer beside the three numbers that say what it must do: held, ahead, and what is lent.

    ``lent`` is what the last batch that came up short, or too early, still lacks.
    """

    def __init__(self, ratio: float, least: int, wide: int) -> None:
        self.ratio, self.least, self.wide = ratio, least, wide
        self.buffer, self.layer = made(ratio, slack=wide, min_size=least, mode="refuse", size=12)
        self.begin()

    def begin(self) -> None:
        self.held, self.ahead, self.lent = 0, -self.least * self.ratio, 0

    def took(self, count: int) -> None:
        self.held = min(12, self.held + count)
        self.ahead += count * self.ratio
        self.lent = max(0, self.lent - count)

    def push(self, count: int) -> None:
        self.extend(1)

    def extend(self, count: int) -> None:
        if count * self.ratio > 2 * self.wide and self.held + count > self.least:
            with pytest.raises(BadArgument, match="never"):
                self.buffer.extend(range(count))
            return
        goes = (
            self.ahead + count * self.ratio <= self.wide or self.held + count <= self.least or self.lent > 0
        )
        done = [self.buffer.push(0)] if count == 1 else self.buffer.extend(range(count))
        assert goes == (done not in ([None], []))
        if goes:
            self.took(count)

    def outside(self, count: int) -> None:
        self.buffer.view().extend(range(count))
        self.took(count)

    def sample(self, count: int) -> None:
        if count > 2 * self.wide:
            return
        if self.held < self.least or self.ahead - count < -self.wide:
            with pytest.raises(RateLimited):
                self.buffer.sample(count)
            self.lent = max(self.lent, self.least - self.held)
        elif count > self.held:
            with pytest.raises(NotEnoughItems):
                self.buffer.sample(count)
            self.lent = max(self.lent, count)
        else:
            assert count == len(self.buffer.sample(count))
            self.ahead, self.lent = self.ahead - count, 0

    def peek(self, count: int) -> None:
        self.buffer.view().sample(min(count, self.held), ignore_insufficient=True) if self.held else None

    def delete(self, count: int) -> None:
        self.held -= self.buffer.delete([item.index for item in self.buffer][:count])

    def clear(self, count: int) -> None:
        self.buffer.clear()
        self.begin()

    def reload(self, count: int) -> None:
        self.buffer.load_state_dict(copy.deepcopy(self.buffer.state_dict()))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["push", "extend", "sample", "outside", "delete", "clear", "reload", "peek"]),
        st.integers(1, 6),
    ),
    max_size=40,
)


@settings(max_examples=120, deadline=None)
@given(steps=STEPS, ratio=st.sampled_from([0.5, 1, 3]), least=st.integers(0, 5), wide=st.integers(3, 12))
def test_it_counts_as_a_plain_list_would(steps, ratio, least, wide):
    twin = Twin(ratio, least, wide)
    for what, count in steps:
        getattr(twin, what)(count)

        assert twin.ahead == twin.layer.stats()["ahead"]
        assert twin.held == len(twin.buffer)


def test_items_that_are_used_up_do_not_stop_both_sides():
    """Each item goes after two uses, so eight samples an item can never be: the buffer stays small."""
    buffer = DequeBuffer(50, seed=0)
    layer = rate_limit(8, slack=16, min_size=4)
    buffer.use(layer, use_time_check(max_use=2))
    pushed = drawn = 0

    def push() -> None:
        nonlocal pushed
        while drawn < 200:
            pushed += buffer.push(pushed) is not None

    def sample() -> None:
        nonlocal drawn
        while drawn < 200:
            drawn += len(buffer.sample(4))
        layer.release()

    with running(push, sample):
        pass
    assert pushed >= 100


class Bounds(Middleware):
    """Writes down how far ahead the pushes are at every change, and the largest and least."""

    def __init__(self, layer: Any) -> None:
        self.layer, self.seen = layer, [0.0]

    def bind(self, buffer):
        self._store = buffer.store

    def look(self) -> None:
        if len(self._store) >= 20:
            self.seen.append(self.layer.stats()["ahead"])

    def on_filled(self, slots):
        self.look()

    def sample(self, chain, size=None, **query):
        batch = chain(size=size, **query)
        self.look()
        return batch


@STORAGES
@pytest.mark.parametrize(("ratio", "slack"), [(4, 40), (0.5, 30), (4, None)])
def test_pushers_and_samplers_that_really_run_stay_within_the_slack_at_every_moment(storage, ratio, slack):
    layer = rate_limit(ratio, slack=slack, min_size=20)
    inside, outside = Bounds(layer), Bounds(layer)
    buffer = DequeBuffer(60, storage=storage(), seed=0).use(outside).use(layer).use(inside)
    stop, began = 3000 * ratio, time.monotonic()
    pushed: list[int] = []
    drawn: list[int] = []

    def push(first: int) -> None:
        for number in range(first, 10**9, 3):
            if sum(drawn) >= stop or time.monotonic() - began > PATIENCE:
                return
            batch = [number] * (1 + number % 3)
            taken = buffer.extend(batch) if number % 2 else [buffer.push(number)]
            pushed.append(sum(item is not None for item in taken))

    def sample(size: int) -> None:
        try:
            while sum(drawn) < stop and time.monotonic() - began < PATIENCE:
                drawn.append(len(buffer.sample(size)))
        except RateLimited:
            assert sum(drawn) >= stop
        layer.release()

    with running(*(lambda first=first: push(first) for first in range(3)), *(lambda: sample(8),) * 3):
        pass

    wide = 40 if slack is None else slack
    assert -wide <= min(inside.seen + outside.seen)
    assert max(inside.seen + outside.seen) <= wide
    assert (sum(pushed), sum(drawn)) == (layer.stats()["pushed"], layer.stats()["sampled"])
    assert stop <= sum(drawn) <= stop + 100
    assert ratio == pytest.approx(sum(drawn) / (sum(pushed) - 20), abs=2 * wide / sum(pushed))

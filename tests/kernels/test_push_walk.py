from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.kernels.push_bench import FIRST, PREFIX, Bench
from tests.kernels.push_kinds import KINDS


class Meta(dict):
    pass


class PushWalk(RuleBasedStateMachine):
    """Pushes against a list of what should lie where."""

    kind: Any

    @initialize(capacity=st.integers(1, 5))
    def begin(self, capacity):
        self.bench = Bench(self.kind, capacity)
        self.held: list[Any] = []
        self.next = self.start = self.slow = 0

    def goes_fast(self, meta):
        bench = self.bench
        return (
            bench.fast.alone
            and bench.fast.prefix
            and bench.ring.dense
            and (meta is None or type(meta) is dict)
        )

    @rule(meta=st.sampled_from([None, {}, {"a": 1}, Meta(), 3]), named=st.booleans())
    def push(self, meta, named):
        fast = self.goes_fast(meta)
        item = self.bench.push(self.next, meta=meta) if named else self.bench.push(self.next, meta)
        if not fast:
            self.slow += 1
            assert ("slow", self.slow) == (item, len(self.bench.calls))
            return
        assert (self.next, meta or {}) == (item.data, item.meta)
        self.held = [*self.held, (self.next, item)][-self.bench.ring.capacity :]
        self.next += 1

    @rule()
    def clear(self):
        ring = self.bench.ring
        ring.count, ring.first, ring.base = 0, ring.next, ring.next
        self.bench.items.clear()
        self.held, self.start = [], self.next

    @rule()
    def forget_the_oldest(self):
        if self.held:
            self.bench.ring.first += 1
            self.bench.ring.count -= 1
            self.held = self.held[1:]

    @rule(on=st.booleans())
    def be_alone(self, on):
        self.bench.fast.alone = on

    @rule(on=st.booleans())
    def be_dense(self, on):
        self.bench.ring.dense = on

    @rule(prefix=st.sampled_from(["", PREFIX, "0" * 16]))
    def begin_with(self, prefix):
        self.bench.fast.prefix = prefix

    @invariant()
    def all_is_in_its_place(self):
        if not hasattr(self, "bench"):
            return
        ring = self.bench.ring
        assert (self.next, len(self.held)) == (ring.next, ring.count)
        assert self.next - len(self.held) == ring.first
        for serial, item in self.held:
            assert self.bench.items[(serial - self.start) % ring.capacity] is item
            assert f"{serial + FIRST:x}" == item.index[16:]


@pytest.mark.parametrize("kind", KINDS)
def test_any_walk_leaves_everything_in_its_place(kind):
    run_state_machine_as_test(type("Walk", (PushWalk,), {"kind": kind}), settings=settings(max_examples=60))

from __future__ import annotations

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.testing.buffer_checks import buffer_machine, check_buffer
from ding_buffer.testing.twin_driver import TwinDriver

FEW = settings(max_examples=30, stateful_step_count=20, database=None)


class Loses(DequeBuffer):
    """Forgets to tell its groups what was deleted."""

    def delete(self, indices):
        groups, self.store.groups = self.store.groups, {}
        try:
            return super().delete(indices)
        finally:
            self.store.groups = groups


class Keeps(DequeBuffer):
    """Says that it deleted and did not."""

    def delete(self, indices):
        return len(set(indices))


class Invents(Middleware):
    """Stores every fifth item twice."""

    def push(self, chain, data, meta=None):
        if data % 5 == 4:
            chain(-data, meta={"env": 9})
        return chain(data, meta=meta)


def test_a_right_buffer_passes_and_its_driver_comes_back():
    buffer = DequeBuffer(10, seed=0)
    driver = check_buffer(buffer, steps=120)

    assert isinstance(driver, TwinDriver)
    assert 20 < len(driver.known)
    driver.push()


def test_the_walk_does_the_same_every_time():
    one, other = (check_buffer(DequeBuffer(10, seed=0), seed=3) for _ in range(2))

    assert [item.data for item in one.twin.items] == [item.data for item in other.twin.items]


def test_a_fault_is_found():
    with pytest.raises((AssertionError, ValueError)):
        check_buffer(Loses(10, seed=0))


def test_a_machine_passes_a_right_buffer_and_finds_a_fault():
    run_state_machine_as_test(buffer_machine(lambda: DequeBuffer(4, seed=0)), settings=FEW)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            buffer_machine(lambda: Keeps(4, seed=0)), settings=settings(FEW, phases=[Phase.generate])
        )


def test_a_layer_that_brings_more_than_was_pushed_is_followed():
    check_buffer(DequeBuffer(10, seed=0).use(Invents()))

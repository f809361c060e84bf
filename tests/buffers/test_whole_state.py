"""A state is put back whole, or nothing has changed, wherever it is broken off."""

from __future__ import annotations

import copy
from itertools import count

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.buffers.whole_state import put_state, take_state
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.middleware.removals import track_removed
from ding_buffer.storages.column_storage import ColumnStorage
from tests.storages.broken_off import LAYERS, STORAGES, broken_off, check, content, made, step, steps


def other(storage, layers):
    """Returns the state of a buffer that holds other items than ``made``."""
    buffer = made(storage, layers, gaps=False)
    buffer.clear()
    buffer.extend(*steps(40, 5))
    return buffer.state_dict()


@pytest.mark.parametrize("gaps", [False, True], ids=["dense", "gaps"])
@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("storage", STORAGES)
def test_a_load_that_is_broken_off_leaves_the_old_content_or_the_new(storage, layers, gaps):
    state, stride = other(storage, layers), 11
    outcomes = []
    for line in count(1 + 3 * gaps, stride):
        buffer = made(storage, layers, gaps)
        before = content(buffer)
        where = broken_off(lambda: buffer.load_state_dict(state), line)  # noqa: B023
        check(buffer)
        outcomes.append(list(content(buffer)) == list(before))
        if not outcomes[-1]:
            assert [40, 41, 42, 43, 44] == [int(item.data["obs"]) for item in buffer], where
        buffer.push(*step(99))
        buffer.sample(2)
        check(buffer)
        assert not buffer._lock.mutex._is_owned()
        if not where:
            break
    assert len(outcomes) > 5
    assert outcomes[:-1].count(True) > 3, "most are broken off before the end"
    assert not outcomes[-1]


class Refuses(Middleware):
    """Finds fault with its state when the items have been replaced already."""

    def state_dict(self):
        return {"mine": True}

    def load_state_dict(self, state):
        if state["mine"] != "again":
            state["mine"] = "again"
            raise ValueError("not this one")


def test_a_layer_that_refuses_its_state_leaves_everything_and_nobody_has_left():
    gone = []
    buffer = DequeBuffer(4, storage=ColumnStorage(), seed=0).use(
        Refuses(), track_removed(lambda item, reason: gone.append(reason))
    )
    buffer.extend({"n": np.arange(3)})
    state = buffer.state_dict()
    buffer.push({"n": 9})
    held = [item.index for item in buffer]

    with pytest.raises(CorruptSnapshot, match="The saved state of Refuses does not fit: not this one"):
        buffer.load_state_dict(copy.deepcopy(state))
    assert held == [item.index for item in buffer]
    assert [] == gone


@pytest.mark.parametrize("bad", [{}, {"store": {}}, {"store": {}, "layers": [3]}, []])
def test_what_is_no_state_is_refused(bad):
    buffer = DequeBuffer(3)
    buffer.push(1)

    with pytest.raises(CorruptSnapshot):
        put_state(buffer.store, [], bad)
    assert [1] == [item.data for item in buffer]


@pytest.mark.parametrize(("copied", "rows"), [(True, [0, 1, 2]), (False, [7, 1, 2])])
def test_rows_are_copied_or_shown_as_they_change(copied, rows):
    buffer, other = (DequeBuffer(3, storage=ColumnStorage()) for _ in range(2))
    buffer.extend({"n": np.arange(3)})
    state = take_state(buffer.store, [], copied)
    buffer.push({"n": 7})

    put_state(other.store, [], state)
    assert rows == [int(item.data["n"]) for item in other]

"""What a load replaces is handed over, and of a load that is refused nobody hears."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.storages.column_storage import ColumnStorage
from tests.middleware.handed_over import made, on_every_storage, push


@on_every_storage
def test_what_a_load_brings_again_has_not_left(storage):
    buffer, left = made(storage, count=3)
    state = copy.deepcopy(buffer.state_dict())
    push(buffer, [3])
    buffer.delete(buffer[1].index)
    left.taken()
    buffer.load_state_dict(state)

    assert [("replaced", [3])] == left.taken()
    assert [0, 1, 2] == [item.data["n"] for item in buffer]
    buffer.load_state_dict(copy.deepcopy(buffer.state_dict()))
    assert [] == left.taken()
    buffer.clear()
    assert [("cleared", [0, 1, 2])] == left.taken()


@on_every_storage
def test_a_load_of_something_else_replaces_everything_through_any_view(storage):
    buffer, left = made(storage, count=4)
    other = DequeBuffer(4, storage=storage(), seed=0)
    push(other, range(10, 12))
    buffer.view().load_state_dict(other.state_dict())

    assert [("replaced", [0, 1, 2, 3])] == left.taken()
    buffer.load_state_dict(DequeBuffer(4, storage=storage()).state_dict())
    assert [("replaced", [10, 11])] == left.taken()
    assert 0 == len(buffer)


class Refuses(Middleware):
    """Finds fault with every state but its own first."""

    def state_dict(self):
        return {"sound": True}

    def load_state_dict(self, state):
        if not state.get("sound"):
            raise ValueError("unsound")


@on_every_storage
def test_of_a_load_that_is_taken_back_nobody_hears(storage):
    buffer, left = made(storage, Refuses(), count=3)
    other = DequeBuffer(4, storage=storage(), seed=0).use(Refuses())
    push(other, range(10, 12))
    state = other.state_dict()
    state["layers"][0]["state"] = {"bent": True}
    before = [item.index for item in buffer]
    with pytest.raises(CorruptSnapshot, match="unsound"):
        buffer.load_state_dict(state)
    with pytest.raises(CorruptSnapshot):
        buffer.load_state_dict({})

    assert [] == left.taken()
    assert before == [item.index for item in buffer]
    assert 0 == buffer.stats()["track_removed"]["replaced"]
    buffer.clear()
    assert [("cleared", [0, 1, 2])] == left.taken()


@on_every_storage
def test_what_was_deleted_before_a_refused_load_is_still_told(storage):
    buffer, left = made(storage, Refuses(), count=3)
    state = copy.deepcopy(buffer.state_dict())
    state["layers"][0]["state"] = {"bent": True}
    with buffer.store.lock:
        buffer.delete(buffer[0].index)
        with pytest.raises(CorruptSnapshot):
            buffer.load_state_dict(state)
        assert [] == left.taken()

    assert [("deleted", [0])] == left.taken()
    assert [1, 2] == [item.data["n"] for item in buffer]


@on_every_storage
def test_what_a_load_replaced_before_a_refused_one_is_told_alone(storage):
    buffer, left = made(storage, Refuses(), count=3)
    others = [DequeBuffer(4, storage=storage(), seed=0).use(Refuses()) for _ in range(2)]
    push(others[0], [10, 11])
    push(others[1], [20])
    state, bent = (other.state_dict() for other in others)
    bent["layers"][0]["state"] = {"bent": True}
    with buffer.store.lock:
        buffer.load_state_dict(state)
        with pytest.raises(CorruptSnapshot, match="unsound"):
            buffer.load_state_dict(bent)

    assert [("replaced", [0, 1, 2])] == left.taken()
    assert [10, 11] == [item.data["n"] for item in buffer]


def test_a_file_with_damaged_rows_takes_nothing_away(tmp_path):
    buffer, left = made(ColumnStorage, size=64)
    buffer.extend({"n": np.arange(64)}, meta={"env": np.zeros(64, dtype=int)})
    buffer.save_data(tmp_path / "saved")
    content = bytearray((tmp_path / "saved").read_bytes())
    content[len(content) // 2] ^= 255
    (tmp_path / "spoiled").write_bytes(content)
    with pytest.raises(CorruptSnapshot):
        buffer.view().load_data(tmp_path / "spoiled")

    assert [] == left.taken()
    buffer.load_data(tmp_path / "saved")
    assert [] == left.taken()
    assert 64 == len(buffer)

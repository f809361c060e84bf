from __future__ import annotations

import numpy as np

from ding_buffer.buffers.deque_buffer import DequeBuffer


def held(buffer) -> list:
    return [item.data for item in buffer]


def filled(*layers) -> DequeBuffer:
    buffer = DequeBuffer(4, seed=0).use(*layers)
    buffer.extend(range(4))
    return buffer


def test_the_chosen_slot_gives_way_once_and_then_the_oldest_again():
    buffer = filled()
    buffer.store.victim = 2
    with buffer.store.lock:
        buffer.store.push(4, None)
        buffer.store.push(5, None)

    assert [1, 3, 4, 5] == held(buffer)
    assert -1 == buffer.store.victim
    buffer.store.check()


def test_it_gives_way_too_where_somebody_listens_and_there_are_groups():
    buffer = DequeBuffer(4, seed=0)
    buffer.extend(range(4), meta={"env": [0, 1, 0, 1]})
    buffer.sample(1, groupby="env")
    buffer.store.victim = 2
    buffer.push(4, meta={"env": 1})

    assert [0, 1, 3, 4] == held(buffer)
    assert {"evicted": 1, "deleted": 0} == {key: buffer.stats()[key] for key in ("evicted", "deleted")}
    buffer.store.check()


def test_while_there_is_room_nobody_gives_way():
    buffer = filled()
    buffer.delete(buffer[0].index)
    buffer.store.victim = 2
    with buffer.store.lock:
        buffer.store.push(4, None)

    assert [1, 2, 3, 4] == held(buffer)


def test_the_only_item_can_give_way():
    buffer = DequeBuffer(1)
    buffer.push(0)
    buffer.store.victim = 0
    with buffer.store.lock:
        buffer.store.push(1, None)

    assert [1] == held(buffer)
    buffer.store.check()


def test_retired_items_count_as_evicted_and_those_that_are_gone_are_left_out():
    buffer = filled()
    gone = buffer[0]
    buffer.delete(gone.index)
    with buffer.store.lock:
        buffer.store.retire(np.array([0, 2]))
        buffer.store.retire(np.array([0, 2]))

    assert [1, 3] == held(buffer)
    assert (1, 1) == (buffer.stats()["evicted"], buffer.stats()["deleted"])
    assert not buffer.store.retiring

from __future__ import annotations

import numpy as np

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.replay.named_items import PLACE, UNIQUE_ID, NamedItems


def buffer_of(capacity: int, *outer) -> tuple[DequeBuffer, NamedItems]:
    names = NamedItems("mine")
    return DequeBuffer(capacity, seed=0).use(outer, names, PriorityExperienceReplay()), names


def test_items_are_numbered_by_pushes_and_placed_by_slot() -> None:
    buffer, _ = buffer_of(2)
    for number in range(5):
        buffer.push({"n": number})
    found = {item.data["n"]: (item.meta[UNIQUE_ID], item.meta[PLACE]) for item in buffer.sample(20)}

    assert {3: ("mine_3", 1), 4: ("mine_4", 0)} == found


def test_an_item_that_is_used_up_by_the_draw_still_has_its_name() -> None:
    buffer, _ = buffer_of(4, use_time_check(max_use=1))
    buffer.push({"n": 0})
    (item,) = buffer.sample(1)

    assert ("mine_0", 0, 0) == (item.meta[UNIQUE_ID], item.meta[PLACE], len(buffer))


def test_the_stored_item_is_not_written_to() -> None:
    buffer, _ = buffer_of(4)
    buffer.push({"n": 0})
    buffer.sample(3)

    assert {"n": 0} == buffer[0].data
    assert UNIQUE_ID not in buffer[0].meta


def test_a_place_is_still_that_of_a_name_until_something_else_lies_there() -> None:
    buffer, names = buffer_of(2)
    for number in range(3):
        buffer.push({"n": number})
    places = np.array([0, 0, 1, 1, -1, 7])

    assert [True, False, True, False, False, False] == list(
        names.still_there(places, ["mine_2", "mine_0", "mine_1", "other_1", "mine_1", "mine_1"])
    )
    buffer.clear()
    assert [False, False] == list(names.still_there(np.array([0, 0]), ["mine_2", "mine_-1"]))

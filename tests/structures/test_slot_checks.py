from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.structures.slot_checks import checked_slots


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.longlong, np.uint64, ">i8"])
def test_slots_of_every_integer_type_become_int64(dtype):
    slots = checked_slots(np.array([3, 0, 9], dtype=dtype), 10)

    assert np.dtype(np.int64) == slots.dtype
    assert [3, 0, 9] == slots.tolist()


def test_one_slot_becomes_an_array_of_one():
    assert [4] == checked_slots(4, 5).tolist()


def test_no_slots_are_fine_whatever_their_type():
    assert np.dtype(np.int64) == checked_slots([], 1).dtype
    assert [] == checked_slots(np.empty(0), 1).tolist()


def test_slots_that_do_not_lie_side_by_side_are_checked_too():
    slots = np.array([1, -1, 2, -1, 3])

    assert [1, 2, 3] == checked_slots(slots[::2], 4).tolist()
    with pytest.raises(IndexError, match="slot -1"):
        checked_slots(slots[1::2], 4)


@pytest.mark.parametrize("wrong", [-1, 10, 2**62, np.uint64(2**63), np.uint64(2**64 - 1), np.int64(-(2**63))])
def test_a_slot_out_of_range_is_refused_and_named(wrong):
    with pytest.raises(IndexError, match=f"slot {int(wrong)} is out of range"):
        checked_slots(np.array([0, wrong], dtype=np.asarray(wrong).dtype), 10)


@pytest.mark.parametrize("wrong", [[1.0], [True], ["1"], [None]])
def test_what_is_no_whole_number_is_refused(wrong):
    with pytest.raises(IndexError, match="whole numbers"):
        checked_slots(wrong, 10)

from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.storages.grouping import group_items
from ding_buffer.structures.ring_index import RingIndex


def ring_of(count, capacity=8, gone=()):
    ring = RingIndex(capacity)
    ring.push_many(count)
    if gone:
        ring.remove(np.array(gone))
    return ring


def slots_of(index):
    return {group.value: group.slots[group.head :] for group in index.groups}


def test_items_are_grouped_oldest_first_and_those_without_a_value_not_at_all():
    index = group_items("env", ring_of(6), [1, 0, None, 1, 1, 0])

    index.check()
    assert {1: [0, 3, 4], 0: [1, 5]} == slots_of(index)


def test_what_was_removed_from_the_middle_is_in_no_group():
    index = group_items("env", ring_of(5, gone=[1, 3]), ["a", "b", "a"])

    index.check()
    assert {"a": [0, 4], "b": [2]} == slots_of(index)


def test_an_empty_ring_has_no_groups():
    assert {} == slots_of(group_items("env", ring_of(0), []))


@pytest.mark.parametrize("wrong", [[1], {}, np.zeros(2)])
def test_a_value_that_cannot_name_a_group_is_refused(wrong):
    with pytest.raises(BadArgument, match="cannot name a group"):
        group_items("env", ring_of(2), [1, wrong])


def test_as_many_values_as_items_are_asked_for():
    with pytest.raises(ValueError, match="zip"):
        group_items("env", ring_of(3), [1, 2])

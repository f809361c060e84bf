from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.fillers import items_there, with_fillers
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage

THERE = np.array([[False, True, True], [True, False, False]])


def groups(storage):
    buffer = DequeBuffer(5, storage=storage(), seed=0)
    items = [buffer.push({"n": number, "obs": np.ones(2)}, {"env": 1}) for number in range(3)]
    return buffer.sample(indices=[[items[0].index, items[1].index], [items[2].index]])


@pytest.mark.parametrize("storage", [ObjectStorage, ColumnStorage])
def test_items_stand_where_they_are_there_and_fillers_elsewhere(storage):
    batch = with_fillers(groups(storage), THERE)

    assert [[None, 0, 1], [2, None, None]] == [
        [None if item.index is None else item.data["n"] for item in group] for group in batch
    ]
    assert THERE.tolist() == items_there(batch).tolist()


def test_fillers_of_objects_have_none_in_every_field():
    filler = with_fillers(groups(ObjectStorage), THERE)[0][0]

    assert (None, None, None) == (filler.data, filler.index, filler.meta)


def test_fillers_of_columns_are_zeros_and_masked():
    batch = with_fillers(groups(ColumnStorage), THERE)

    assert [[0, 0, 1], [2, 0, 0]] == batch.data["n"].tolist()
    assert [[-1, 0, 1], [2, -1, -1]] == batch.slots.tolist()
    assert THERE.tolist() == batch.mask.tolist()
    assert (2, 3, 2) == batch.data["obs"].shape


def test_where_every_place_has_an_item_there_is_a_mask_all_the_same():
    batch = groups(ColumnStorage)[0]
    made = with_fillers(batch.grouped([2]), np.ones((1, 2), dtype=bool))

    assert [[True, True]] == made.mask.tolist()


def test_without_fillers_all_are_there():
    assert [[True, True]] == items_there(groups(ObjectStorage)[:1]).tolist()
    assert [[True, True]] == items_there(groups(ColumnStorage)[0].grouped([2])).tolist()

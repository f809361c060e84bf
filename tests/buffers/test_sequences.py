from __future__ import annotations

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.buffers.sequences import IndexOrder, ItemOrder, MetaColumns
from ding_buffer.core.errors import NoSuchPosition, UnknownIndex


def filled():
    """Numbers 2, 4, 6 to 11 in a buffer for ten; two were evicted, two deleted."""
    buffer = DequeBuffer(10, seed=0)
    for number in range(12):
        buffer.push(number, {"env": number % 3} if number != 7 else {})
    buffer.delete([buffer[1].index, buffer[3].index])
    return buffer


HELD = [2, 4, 6, 7, 8, 9, 10, 11]


def test_the_storage_is_a_sequence_of_items_oldest_first():
    storage = filled().storage

    assert isinstance(storage, ItemOrder)
    assert HELD == [item.data for item in storage]
    assert (8, 10) == (len(storage), storage.maxlen)
    assert (2, 11, 6) == (storage[0].data, storage[-1].data, storage[2].data)
    assert HELD[1:6:2] == [item.data for item in storage[1:6:2]]
    assert HELD[::-1] == [item.data for item in reversed(storage)]
    assert 3 == storage.index(storage[3])
    assert storage[3] in storage
    for wrong in (8, -9):
        with pytest.raises(NoSuchPosition, match=f"Position {wrong}"):
            storage[wrong]
    with pytest.raises(TypeError):
        storage["a"]  # type: ignore[call-overload]


def test_the_storage_follows_the_buffer():
    buffer = filled()
    storage = buffer.storage
    buffer.clear()
    buffer.push(50)

    assert [50] == [item.data for item in storage]


def test_iterating_the_storage_is_not_disturbed():
    buffer, seen = filled(), []
    for item in buffer.storage:
        seen.append(item.data)
        buffer.push(99)

    assert HELD == seen


def test_the_indices_tell_where_each_item_stands():
    buffer = filled()
    indices = buffer.indices
    gone = buffer[3].index
    buffer.delete(gone)

    assert isinstance(indices, IndexOrder)
    assert 7 == len(indices)
    assert [item.index for item in buffer] == list(indices)
    assert list(range(7)) == [indices.get(item.index) for item in buffer]
    assert all(indices.has(item.index) and item.index in indices for item in buffer)
    assert not indices.has(gone)
    assert not indices.has("nonsense")
    assert gone not in indices
    assert 5 not in indices
    with pytest.raises(UnknownIndex, match="There is no item") as caught:
        indices.get(gone)
    assert isinstance(caught.value, KeyError)


def test_the_meta_index_has_a_column_for_each_key_that_was_grouped_by():
    buffer = filled()
    columns = buffer.meta_index
    assert isinstance(columns, MetaColumns)
    assert ([], 0, {}) == (list(columns), len(columns), dict(columns))
    buffer.sample(1, groupby="env")

    assert ["env"] == list(columns)
    assert 1 == len(columns)
    assert [2, 1, 0, None, 2, 0, 1, 2] == columns["env"]
    buffer.update(buffer[0].index, meta={"env": 5})
    buffer.push(12, {"env": 6})
    assert [5, 1, 0, None, 2, 0, 1, 2, 6] == columns["env"]
    assert "other" not in columns
    with pytest.raises(KeyError):
        columns["other"]

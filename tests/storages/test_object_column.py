from __future__ import annotations

import numpy as np

from ding_buffer.storages.object_column import ObjectColumn, RaggedSlots


def test_objects_come_back_by_reference():
    column, held = ObjectColumn(), [1, 2]

    column.put(2, held)
    column.put_many([0, 1], ["a", None])

    assert held is column.row(2)
    assert ["a", held] == column.take([0, 2])
    assert [held] == column.take([2])
    assert [] == column.take([])


def test_a_slot_named_again_gives_a_copy():
    column = ObjectColumn()
    column.put_many(range(2), [[1], [1]])

    taken = column.take_apart([0, 1, 0])

    assert (np.dtype(object), (3,)) == (taken.dtype, taken.shape)
    assert [[1], [1], [1]] == taken.tolist()
    assert column.row(0) is taken[0]
    assert taken[2] is not taken[0]


def test_dropped_objects_are_let_go():
    column = ObjectColumn()
    column.put_many(range(3), "abc")

    column.drop([1, 7])

    assert ["a", None, "c"] == column.take([0, 1, 2])
    column.clear()
    assert 0 == column.nbytes


def test_objects_count_as_a_reference_each():
    column = ObjectColumn()
    column.put(9, "a")

    assert (80, 24) == (column.nbytes, column.used_bytes(3))


def test_arrays_of_varying_length_are_copied_in():
    column, held = RaggedSlots(np.dtype(np.int16), (2,)), np.array([[1, 2]])

    column.put(1, held)
    held[0, 0] = 9
    column.put(0, [])

    assert [[1, 2]] == column.row(1).tolist()
    assert (np.dtype(np.int16), (0, 2)) == (column.row(0).dtype, column.row(0).shape)


def test_arrays_of_varying_length_count_with_their_numbers():
    column = RaggedSlots(np.dtype(np.int16), ())
    column.put_many(range(2), [[1, 2, 3], [4]])
    assert 2 * 8 + 4 * 2 == column.nbytes

    column.put(0, [5])
    assert 2 * 8 + 2 * 2 == column.nbytes == column.used_bytes(2)

    column.drop([0, 0, 5])
    assert 2 * 8 + 2 == column.nbytes

    column.clear()
    assert 0 == column.nbytes

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ding_buffer.core.payload_column import PayloadColumn
from tests.core.column_batches import made


def numbers(payloads):
    return [payload["n"] for payload in payloads]


def test_it_is_a_sequence_of_payloads():
    column = PayloadColumn(made())

    assert isinstance(column, Sequence)
    assert 6 == len(column)
    assert list(range(6)) == numbers(column) == numbers(column[place] for place in range(-6, 0))
    assert [5.0] * 3 == column[5]["obs"].tolist()
    with pytest.raises(IndexError):
        column[6]


def test_its_columns_are_those_of_the_batch():
    batch = made()

    assert PayloadColumn(batch).columns is batch.data


def test_a_part_of_it_is_one_too():
    part = PayloadColumn(made())[1:5:2]

    assert isinstance(part, PayloadColumn)
    assert [1, 3] == numbers(part) == part.columns["n"].tolist()
    assert [4, 0] == numbers(PayloadColumn(made())[np.array([4, 0])])


@pytest.mark.parametrize("lengths", [[2, 4], [3, 3]])
def test_windows_are_payload_columns(lengths):
    windows = PayloadColumn(made().grouped(lengths))

    assert 2 == len(windows)
    assert all(isinstance(window, PayloadColumn) for window in windows)
    first, second = (numbers(window) for window in windows)
    assert (list(range(lengths[0])), list(range(lengths[0], 6))) == (first, second)


def test_it_is_added_to_lists():
    column, more = PayloadColumn(made(2)), [{"n": 5}]

    assert [0, 1, 5] == numbers(column + more)
    assert [5, 0, 1] == numbers(more + column)
    assert [0, 1, 0, 1] == numbers(column + column)
    with pytest.raises(TypeError):
        column + 1

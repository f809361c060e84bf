from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.storages.row_pieces import RowPieces


@pytest.mark.parametrize("cuts", [[0], [4], [2], [0, 1, 4]])
def test_pieces_are_the_rows_of_all_of_them(cuts):
    table = np.arange(8).reshape(4, 2)
    pieces = RowPieces(np.split(table, cuts))

    assert (4, 2) == pieces.shape
    assert table.tolist() == np.asarray(pieces).tolist()
    assert np.float32 == np.asarray(pieces, dtype=np.float32).dtype


def test_one_piece_is_not_copied_unless_somebody_asks():
    table = np.arange(8).reshape(4, 2)

    assert np.shares_memory(table, np.asarray(RowPieces([table])))
    assert not np.shares_memory(table, np.array(RowPieces([table])))

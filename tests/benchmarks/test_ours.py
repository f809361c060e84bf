"""Every row of ours runs once on next to nothing, so that the benchmarks keep working."""

from __future__ import annotations

import pytest

from benchmarks import ours
from benchmarks.rows import ROWS, Row
from benchmarks.works import Absent


@pytest.mark.parametrize("row", [row for row in ROWS if row.key != "lines"], ids=lambda row: row.key)
def test_a_row_of_ours_does_what_it_says(row: Row):
    try:
        work = getattr(ours, row.work)(**row.tiny)
    except Absent as reason:
        pytest.skip(str(reason))
    work.check()
    result = work.call(0.01) if row.kind == "rate" else work.call()
    if row.kind == "rate":
        assert len(row.parts) == len(result)
        assert all(rate > 0 for rate in result)

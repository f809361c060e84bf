from __future__ import annotations

import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.storages.sample_range import positions_in


@pytest.mark.parametrize(
    ("sample_range", "expected"),
    [
        (None, [0, 1, 2, 3, 4]),
        (slice(-2, None), [3, 4]),
        (slice(1, 4, 2), [1, 3]),
        (slice(None, None, -1), [4, 3, 2, 1, 0]),
        (slice(9, None), []),
        ([slice(1, None), slice(-2, None)], [3, 4]),
        ([slice(1, None), slice(0, 1)], [1]),
        ([], [0, 1, 2, 3, 4]),
    ],
)
def test_slices_mean_what_they_mean_for_a_list(sample_range, expected):
    assert expected == list(positions_in(5, sample_range))


@pytest.mark.parametrize("wrong", [3, "newest", [slice(1, 2), 3], slice("a", None), slice(None, None, 0)])
def test_what_is_no_slice_of_positions_is_refused(wrong):
    with pytest.raises(BadArgument, match="sample_range"):
        positions_in(5, wrong)

from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.testing.distribution import surprise


@pytest.mark.parametrize("cells", [2, 10, 300])
def test_right_counts_look_like_a_standard_normal(cells):
    rng = np.random.default_rng(0)
    found = [
        surprise(rng.multinomial(100 * cells, [1 / cells] * cells), [100.0] * cells) for _ in range(2000)
    ]

    assert 0.15 > abs(np.mean(found))
    assert 1.0 == pytest.approx(np.std(found), abs=0.15)
    assert 4.0 > max(found)


def test_wrong_counts_are_surprising():
    assert 4.0 < surprise([600, 400], [500, 500])


@pytest.mark.parametrize(
    ("counts", "expected"), [([10, 10], [10, 11]), ([10], [10]), ([10, 10, 10], [15, 15]), ([16, 4], [16, 4])]
)
def test_a_test_that_means_nothing_is_refused(counts, expected):
    with pytest.raises(ValueError, match=r"chi-square|counted"):
        surprise(counts, expected)

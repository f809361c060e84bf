from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.structures.later_serials import LaterSerials
from ding_buffer.structures.ring_index import RingIndex


@pytest.mark.parametrize("pushed", [3, 5, 8, 23])
def test_the_serials_are_those_of_the_moment_it_was_made(pushed):
    ring = RingIndex(5)
    for _ in range(pushed):
        ring.advance()
    slots = ring.live()[::2].copy()
    later, expected = ring.serials_later(slots), ring.serials_of(slots).tolist()
    for _ in range(4):
        ring.advance()

    assert isinstance(later, LaterSerials)
    assert len(slots) == len(later)
    assert expected == later().tolist()


def test_a_ring_with_holes_tells_the_serials_at_once():
    ring = RingIndex(5)
    for _ in range(5):
        ring.advance()
    ring.remove(np.array([2]))

    assert [0, 3, 4] == np.asarray(ring.serials_later(np.array([0, 3, 4]))).tolist()


def test_a_ring_tells_whether_what_lay_there_lies_there_still():
    ring = RingIndex(5)
    for _ in range(5):
        ring.advance()
    later = ring.serials_later(np.array([1, 4]))
    assert isinstance(later, LaterSerials)

    assert ring.holds_still(later)
    ring.advance()
    assert not ring.holds_still(later)

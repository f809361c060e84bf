"""A layer of one's own that says what it does in parts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.quick_parts import SampleParts, UpdateParts
from ding_buffer.kernels.chosen import NAME
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.column_storage import ColumnStorage


class Newest(Middleware):
    """Draws the newest items, the newest first."""

    def __init__(self, drawn=None):
        self._drawn = drawn
        self.asked = []

    def bind(self, buffer):
        self._store = buffer.store

    def sample(self, chain, size=None, **query):
        self.asked.append("layer")
        slots = self._store.ring.live()[::-1][:size]
        return chain(size=size, indices=slots, **query)

    def quick_sample(self, parts):
        if parts.choose is not None:
            return False
        parts.choose = self._choose
        return True

    def _choose(self, size):
        self.asked.append("choose")
        if self._drawn is not None:
            return self._drawn
        slots = np.ascontiguousarray(self._store.ring.live()[::-1][:size])
        return (slots, None) if len(slots) == size else None


def filled(layer):
    buffer = DequeBuffer(8, storage=ColumnStorage(), seed=0).use(use_time_check(), layer)
    buffer.extend({"n": np.arange(10)})
    buffer.sample(2)  # the first use makes the column of the counts
    layer.asked.clear()
    return buffer


def test_nothing_is_said_at_first():
    assert SampleParts(None, False, None, math.inf, None) == SampleParts()
    assert UpdateParts(None, math.inf, None, None, None) == UpdateParts()


def test_a_layer_that_says_what_it_draws_is_asked_for_that_alone():
    layer = Newest()
    buffer = filled(layer)
    batch = buffer.sample(3)

    assert [9, 8, 7] == batch.data["n"].tolist()
    assert [2, 2, 1] == batch.meta["use_count"].tolist()
    assert [{"c": "choose", "numpy": "layer"}[NAME]] == layer.asked


def test_a_case_that_it_leaves_to_the_layers_goes_through_them():
    layer = Newest()
    buffer = filled(layer)
    with pytest.raises(Exception, match="Size and indices length must be equal"):
        buffer.sample(9)
    assert "layer" == layer.asked[-1]


def test_a_query_goes_through_the_layers():
    layer = Newest()
    buffer = filled(layer)
    assert [9, 8] == buffer.sample(2, ignore_insufficient=True).data["n"].tolist()
    assert ["layer"] == layer.asked


@pytest.mark.skipif(NAME != "c", reason="only the C kernels ask")
@pytest.mark.parametrize(
    "drawn",
    [
        7,
        (np.arange(2),),
        (np.arange(2), np.zeros(3)),
        (np.arange(2.0), None),
        (np.arange(4)[::2], None),
        (np.zeros((2, 1), dtype=np.int64), None),
    ],
)
def test_what_is_no_draw_is_refused(drawn):
    layer = Newest()
    buffer = filled(layer)
    layer._drawn = drawn
    with pytest.raises(TypeError, match=r"choose\(size\) must return \(slots, weights\)"):
        buffer.sample(2)


@pytest.mark.skipif(NAME != "c", reason="only the C kernels ask")
def test_slots_out_of_range_are_refused():
    layer = Newest()
    buffer = filled(layer)
    layer._drawn = (np.array([0, 8]), None)
    with pytest.raises(IndexError, match="slot 8 is out of range"):
        buffer.sample(2)

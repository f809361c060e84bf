from __future__ import annotations

from ding_buffer.pipeline.data_buffer import DataBuffer
from ding_buffer.pipeline.type_parameters import R, T


def test_a_buffer_has_both():
    assert (T, R) == DataBuffer.__parameters__  # type: ignore[attr-defined]

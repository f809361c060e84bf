from __future__ import annotations

from collections.abc import Iterable, Mapping

from ding_buffer.pipeline.data_buffer import DataBuffer
from ding_buffer.pipeline.type_parameters import BufferData, R, StepData, T


def test_a_buffer_has_both():
    assert (T, R) == DataBuffer.__parameters__  # type: ignore[attr-defined]


def test_the_types_that_the_original_names_take_one_parameter():
    assert Mapping[str, float] == StepData[float]
    assert Mapping[str, Iterable[float]] == BufferData[float]

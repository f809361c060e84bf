from __future__ import annotations

from ding_buffer import pipeline
from ding_buffer.pipeline import impls


def test_the_buffers_are_where_the_original_has_them():
    assert {name: getattr(pipeline, name) for name in impls.__all__} == {
        name: getattr(impls, name) for name in impls.__all__
    }

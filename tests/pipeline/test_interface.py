from __future__ import annotations

from ding_buffer import pipeline
from ding_buffer.pipeline import interface


def test_the_parts_are_where_the_original_has_them():
    for name in interface.__all__:
        assert getattr(interface, name) is getattr(pipeline, name)

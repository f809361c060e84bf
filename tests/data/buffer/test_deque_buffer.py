from __future__ import annotations

import ding_buffer
import ding_buffer.data
import ding_buffer.data.buffer
import ding_buffer.data.buffer.middleware
import ding_buffer.middleware
from ding_buffer.data.buffer import deque_buffer


def test_the_deque_buffer_is_one_class_under_every_name() -> None:
    names = [
        deque_buffer.DequeBuffer,
        ding_buffer.data.buffer.DequeBuffer,
        ding_buffer.data.DequeBuffer,
        ding_buffer.DequeBuffer,
    ]

    assert {ding_buffer.DequeBuffer} == set(names)


def test_ding_data_and_its_buffer_export_what_di_engine_exports() -> None:
    expected = {"Buffer", "apply_middleware", "BufferedData", "DequeBuffer"}

    assert expected <= set(ding_buffer.data.__all__)
    assert expected <= set(ding_buffer.data.buffer.__all__)


def test_the_layers_are_the_same_under_the_name_of_di_engine() -> None:
    theirs = ding_buffer.data.buffer.middleware

    assert set(ding_buffer.middleware.__all__) == set(theirs.__all__)
    for name in theirs.__all__:
        assert getattr(ding_buffer.middleware, name) is getattr(theirs, name)

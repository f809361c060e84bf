from __future__ import annotations

from typing import Any

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.learners.bulk_push import push_all


def test_many_go_in_with_their_meta_in_order() -> None:
    buffer = DequeBuffer(size=4)
    push_all(buffer, ["a", "b"], [{"env": 1}, {"env": 2}])

    assert [("a", {"env": 1}), ("b", {"env": 2})] == [(item.data, item.meta) for item in buffer]


def test_a_buffer_without_extend_gets_them_one_by_one() -> None:
    pushed: list[Any] = []

    class OnlyPush:
        def push(self, data: Any, meta: Any = None) -> None:
            pushed.append((data, meta))

    push_all(OnlyPush(), ["a", "b"])
    push_all(OnlyPush(), ["c"], [{"env": 1}])

    assert [("a", None), ("b", None), ("c", {"env": 1})] == pushed


def test_nothing_is_called_for_no_payloads() -> None:
    push_all(object(), [])

from __future__ import annotations

import pytest

from ding_buffer.storages import memory_order


class Counted:
    """A lock that counts who passes."""

    def __init__(self):
        self.passed = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.passed += 1


@pytest.mark.parametrize(("strong", "passes"), [(True, 0), (False, 2)])
def test_only_processors_that_reorder_need_a_barrier(monkeypatch, strong, passes):
    lock = Counted()
    monkeypatch.setattr(memory_order, "_STRONG", strong)
    monkeypatch.setattr(memory_order, "_LOCK", lock)
    memory_order.fence()

    assert passes == lock.passed

"""Buffers of numbers to test with."""

from __future__ import annotations

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import DingBufferError


def filled(count, size=10, **options):
    buffer = DequeBuffer(size, seed=0, **options)
    for number in range(count):
        buffer.push(number, {"env": number % 3, "number": number})
    return buffer


def values(items):
    return [item.data for item in items]


def raises(*kinds, match):
    """Expects an error that is each of these kinds, the root of the house among them."""
    for kind in (DingBufferError, *kinds):
        assert issubclass(kinds[0], kind)
    return pytest.raises(kinds[0], match=match)

"""The buffer, where ``ding.data.buffer.deque_buffer`` has it."""

from __future__ import annotations

from ding_buffer.buffers.deque_buffer import DequeBuffer

__all__ = ["DequeBuffer"]

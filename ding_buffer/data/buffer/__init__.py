"""The same names where ``ding.data.buffer`` has them."""

from __future__ import annotations

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.actions import apply_middleware
from ding_buffer.core.buffer import Buffer
from ding_buffer.core.item import BufferedData

__all__ = ["Buffer", "BufferedData", "DequeBuffer", "apply_middleware"]

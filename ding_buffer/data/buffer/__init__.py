"""The same names where ``ding.data.buffer`` has them."""

from __future__ import annotations

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.actions import apply_middleware
from ding_buffer.core.buffer import Buffer
from ding_buffer.core.item import BufferedData
from ding_buffer.replay.deque_wrapper import DequeBufferWrapper

__all__ = ["Buffer", "BufferedData", "DequeBuffer", "DequeBufferWrapper", "apply_middleware"]

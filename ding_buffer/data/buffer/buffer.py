"""What a buffer, an item and a layered action are, where ``ding.data.buffer.buffer`` has them."""

from __future__ import annotations

from ding_buffer.core.actions import apply_middleware
from ding_buffer.core.buffer import Buffer
from ding_buffer.core.item import BufferedData

__all__ = ["Buffer", "BufferedData", "apply_middleware"]

"""The buffers, where ``pamiq_core.data.impls`` has them."""

from __future__ import annotations

from ding_buffer.pipeline.dict_replacement_buffer import DictRandomReplacementBuffer
from ding_buffer.pipeline.dict_sequential_buffer import DictSequentialBuffer
from ding_buffer.pipeline.replacement_buffer import RandomReplacementBuffer
from ding_buffer.pipeline.sequential_buffer import SequentialBuffer

__all__ = [
    "DictRandomReplacementBuffer",
    "DictSequentialBuffer",
    "RandomReplacementBuffer",
    "SequentialBuffer",
]

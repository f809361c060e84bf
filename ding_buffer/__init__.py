"""An experience buffer for reinforcement learning that stays small because every feature is a layer.

::

    from ding_buffer import DequeBuffer
    from ding_buffer.middleware import PriorityExperienceReplay, use_time_check

    buffer = DequeBuffer(size=10_000, seed=0).use(use_time_check(max_use=8)).use(PriorityExperienceReplay())
    buffer.push({"obs": obs, "reward": 1.0}, meta={"priority": 2.0})
    batch = buffer.sample(32)                       # each a BufferedData(data, index, meta)
    buffer.update([item.index for item in batch], meta={"priority": td_errors})

    columns = DequeBuffer(size=1_000_000, storage=ColumnStorage())     # the same, at the speed of memory
    columns.extend({"obs": observations, "reward": rewards})           # arrays, one row an item
    batch = columns.sample(256)                                        # batch.data["obs"]: (256, ...)
    columns.update(batch.index, meta={"priority": td_errors})

The house, from the ground up; a room imports downwards only::

    kernels     the hot loops, in C and in numpy
    core        item, batch, chain (Middleware, compose), buffer (Buffer), lock, errors
    structures  sum tree, rank index, ring index, group index
    storages    where items lie           samplers    which slots to take
    buffers     DequeBuffer, snapshots    middleware  one layer a file
    replay      DI-engine's worker buffers, as faces of DequeBuffer
    pipeline    PAMIQ's data module: data crosses threads
    trajectories  AMAGO's loading module: trajectories on disk, slices, mixtures (torch)
    learners    task, pushers, fetcher, learners       integrations   gymnasium's vector environments
    config      create_buffer             data, framework, worker  the names DI-engine's users import
    cli         ding-buffer run
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.actions import apply_middleware
from ding_buffer.core.buffer import Buffer
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.chain import Middleware, compose
from ding_buffer.core.errors import DingBufferError, NotEnoughItems
from ding_buffer.core.item import BufferedData
from ding_buffer.kernels.chosen import kernel_info
from ding_buffer.storages.column_storage import ColumnStorage

if TYPE_CHECKING:
    from ding_buffer.config.create import create_buffer, get_buffer_cls

__version__ = "0.1.0"

__all__ = [
    "Buffer",
    "BufferedBatch",
    "BufferedData",
    "ColumnStorage",
    "DequeBuffer",
    "DingBufferError",
    "Middleware",
    "NotEnoughItems",
    "apply_middleware",
    "compose",
    "create_buffer",
    "get_buffer_cls",
    "kernel_info",
]


def __getattr__(name: str) -> Any:
    """Brings the config room, with the libraries it needs, when it is first asked for."""
    if name in ("create_buffer", "get_buffer_cls"):
        from ding_buffer.config import create

        return getattr(create, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""PAMIQ's data module as faces of ``DequeBuffer``: data crosses from collecting threads to training threads.

::

    from ding_buffer.pipeline import DataUsersDict, SequentialBuffer

    users = DataUsersDict.from_data_buffers(experience=SequentialBuffer(["state", "action"], max_size=1000))
    collectors = users.data_collectors_dict

    collector = collectors.acquire("experience")           # one component at a time
    collector.collect({"state": [0.1, 0.2], "action": 1})  # in the inference thread

    user = users["experience"]                             # in the training thread
    user.update()                                          # what was collected goes into the buffer
    columns = user.get_data()                              # {"state": [...], "action": [...]}: a copy of all
    batch = user.sample(32)                                # the same of 32 random items, without the copy
    collectors.release("experience")

The first argument of a buffer says what it holds: names, and each item is a mapping with these fields; a
number, and it is whatever was collected. A ``DequeBuffer`` with any layers is a buffer here too.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ding_buffer.pipeline.data_buffer import DataBuffer
    from ding_buffer.pipeline.data_collector import DataCollector
    from ding_buffer.pipeline.data_collectors_dict import DataCollectorsDict
    from ding_buffer.pipeline.data_user import DataUser
    from ding_buffer.pipeline.data_users_dict import DataUsersDict
    from ding_buffer.pipeline.dict_replacement_buffer import DictRandomReplacementBuffer
    from ding_buffer.pipeline.dict_sequential_buffer import DictSequentialBuffer
    from ding_buffer.pipeline.layered_buffer import LayeredBuffer
    from ding_buffer.pipeline.mark import Mark
    from ding_buffer.pipeline.persistent_state import PersistentStateMixin
    from ding_buffer.pipeline.pipeline_errors import CollectorInUse, UnknownCollector
    from ding_buffer.pipeline.replacement_buffer import RandomReplacementBuffer
    from ding_buffer.pipeline.sequential_buffer import SequentialBuffer
    from ding_buffer.pipeline.timestamping_queue import TimestampingQueue
    from ding_buffer.pipeline.timestamping_queues_dict import TimestampingQueuesDict
    from ding_buffer.pipeline.type_parameters import BufferData, StepData

_HOMES = {
    "BufferData": "type_parameters",
    "CollectorInUse": "pipeline_errors",
    "DataBuffer": "data_buffer",
    "DataCollector": "data_collector",
    "DataCollectorsDict": "data_collectors_dict",
    "DataUser": "data_user",
    "DataUsersDict": "data_users_dict",
    "DictRandomReplacementBuffer": "dict_replacement_buffer",
    "DictSequentialBuffer": "dict_sequential_buffer",
    "LayeredBuffer": "layered_buffer",
    "Mark": "mark",
    "PersistentStateMixin": "persistent_state",
    "RandomReplacementBuffer": "replacement_buffer",
    "SequentialBuffer": "sequential_buffer",
    "StepData": "type_parameters",
    "TimestampingQueue": "timestamping_queue",
    "TimestampingQueuesDict": "timestamping_queues_dict",
    "UnknownCollector": "pipeline_errors",
}

__all__ = [
    "BufferData",
    "CollectorInUse",
    "DataBuffer",
    "DataCollector",
    "DataCollectorsDict",
    "DataUser",
    "DataUsersDict",
    "DictRandomReplacementBuffer",
    "DictSequentialBuffer",
    "LayeredBuffer",
    "Mark",
    "PersistentStateMixin",
    "RandomReplacementBuffer",
    "SequentialBuffer",
    "StepData",
    "TimestampingQueue",
    "TimestampingQueuesDict",
    "UnknownCollector",
]


def __getattr__(name: str) -> Any:
    """Imports what is asked for, when it is first asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"ding_buffer.pipeline.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""What crosses the threads, where ``pamiq_core.data.interface`` has it."""

from __future__ import annotations

from ding_buffer.pipeline.data_collector import DataCollector
from ding_buffer.pipeline.data_user import DataUser
from ding_buffer.pipeline.timestamping_queue import TimestampingQueue
from ding_buffer.pipeline.timestamping_queues_dict import TimestampingQueuesDict

__all__ = ["DataCollector", "DataUser", "TimestampingQueue", "TimestampingQueuesDict"]

"""The names of ``ding.framework``: the task and its contexts."""

from __future__ import annotations

from ding_buffer.learners.context import Context, OnlineRLContext
from ding_buffer.learners.task_loop import Task, task

__all__ = ["Context", "OnlineRLContext", "Task", "task"]

"""What can be wrong with a task or its context."""

from __future__ import annotations

from ding_buffer.core.errors import DingBufferError


class TaskNotRunning(DingBufferError, RuntimeError, AssertionError):
    """A task was used outside ``with task.start(...)``."""


class MissingContextField(DingBufferError, RuntimeError):
    """A middleware needs a field of the context that nothing filled before it."""

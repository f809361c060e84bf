"""What can be wrong with a task, its context or a transition."""

from __future__ import annotations

from ding_buffer.core.errors import DingBufferError


class TaskNotRunning(DingBufferError, RuntimeError, AssertionError):
    """A task was used outside ``with task.start(...)``."""


class MissingContextField(DingBufferError, RuntimeError):
    """A middleware needs a field of the context that nothing filled before it."""


class MissingPayloadField(DingBufferError, AttributeError, KeyError):
    """A transition lacks a field that a middleware needs."""

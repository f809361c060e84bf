"""What can be wrong with who collects."""

from __future__ import annotations

from ding_buffer.core.errors import DingBufferError


class CollectorInUse(DingBufferError, KeyError):
    """A collector that one component has acquired and another asks for, or that is to be replaced."""


class UnknownCollector(DingBufferError, KeyError):
    """A name that no collector has."""

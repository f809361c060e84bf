"""What goes wrong with trajectories and their datasets."""

from __future__ import annotations

from ding_buffer.core.errors import BadArgument, CorruptSnapshot, DingBufferError, NotEnoughItems


class BadTrajectory(BadArgument, AssertionError):
    """Arrays that do not make a trajectory; the message names the field, what fits, and what came."""


class CorruptTrajectory(CorruptSnapshot):
    """A trajectory file that is damaged, of a foreign format, or asks for code to be run."""


class NoTrajectories(NotEnoughItems, IndexError):
    """A draw from a dataset that has no trajectory to give."""


class NotConfigured(DingBufferError, ValueError):
    """A dataset that is used before it was told how much to draw."""

"""The errors of the house, each named for what is wrong.

All share the root ``DingBufferError``; each also inherits the builtin that DI-engine raised in its place, so
an ``except`` clause written for DI-engine still catches it.
"""

from __future__ import annotations

from typing import Any


class DingBufferError(Exception):
    """Root of every error this package raises on purpose."""

    def __str__(self) -> str:
        # KeyError would show repr(message); a message is meant to be read.
        return str(self.args[0]) if len(self.args) == 1 else super().__str__()


class NotEnoughItems(DingBufferError, ValueError):
    """Fewer items or groups are held than a sample asked for: the one meaning of "shortage"."""


class RateLimited(NotEnoughItems):
    """A sample that a ``rate_limit`` refuses: it would come too early, or run too far ahead of the pushes."""


class RateLimitTimeout(DingBufferError, TimeoutError):
    """A push or a sample that a ``rate_limit`` did not let go on in time; says what it waited for."""


class UnknownIndex(DingBufferError, KeyError):
    """An index that was never handed out here, was evicted, deleted, or lies outside the sample range."""


class NoSuchPosition(DingBufferError, IndexError):
    """A position counted from the oldest item that lies outside the buffer."""


class BadQuery(DingBufferError, AssertionError, ValueError):
    """A ``sample`` whose arguments contradict each other."""


class UnknownArgument(DingBufferError, TypeError):
    """A query keyword that no layer consumed and the buffer does not know."""


class BadArgument(DingBufferError, TypeError, ValueError):
    """An argument of the wrong type or with an impossible value."""


class SchemaError(BadArgument):
    """A payload that does not fit a column storage; the message names the field, what fits, and what came."""


class Overtaken(DingBufferError, LookupError):
    """Rows in shared memory that other processes wrote over before they could be read.

    ``slots`` says which. ``sample`` draws again; only where that fails many times in a row it is raised.
    """

    def __init__(self, message: str, slots: Any = ()) -> None:
        super().__init__(message)
        self.slots = slots


class BadPriority(DingBufferError, ValueError, AssertionError):
    """A priority that is NaN, infinite, negative or not a number."""


class MissingMeta(DingBufferError, AssertionError, KeyError):
    """A pushed item lacks a meta key that a layer needs."""


class MissingPayloadField(DingBufferError, AttributeError, KeyError):
    """A payload lacks a field that a layer or a middleware needs."""


class ChainError(DingBufferError, ValueError):
    """A layer that cannot work where it was put; the message names the order that works."""


class ConfigError(DingBufferError, ValueError, KeyError):
    """A configuration that does not describe a buffer; the message holds the path of each mistake."""

    found: tuple[tuple[str, str], ...] = ()
    """Of each mistake the path and what is wrong there, where several may be told together."""


class CorruptSnapshot(DingBufferError, ValueError):
    """A saved file or state that is damaged, of a foreign format, or does not fit together."""


class MissingExtra(DingBufferError, ImportError):
    """An optional library that is not installed; the message names the extra that brings it."""

    @classmethod
    def of(cls, library: str, extra: str) -> MissingExtra:
        """Says which library is missing and what to type."""
        return cls(f"{library} is not installed. It comes with an extra: pip install 'ding_buffer[{extra}]'")

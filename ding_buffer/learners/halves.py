"""The two halves of a generator middleware: before its ``yield`` and after it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack
from types import GeneratorType
from typing import Any

Half = Generator[Any, Any, Any]


def first_half(fn: Callable[[Any], Any], ctx: Any) -> Half | None:
    """Calls ``fn(ctx)``; a generator runs up to its ``yield`` and is returned, unless it ended before it."""
    made = fn(ctx)
    if not isinstance(made, GeneratorType):
        return None
    try:
        next(made)
    except StopIteration:
        return None
    return made


def second_half(half: Half) -> None:
    """Runs the rest of a generator. A further ``yield`` ends it there: a middleware has two halves."""
    try:
        next(half)
    except StopIteration:
        return
    half.close()


def close_all(halves: Iterable[Half]) -> None:
    """Closes generators, the last first, so that each ``finally`` clause runs, even if another one raises."""
    with ExitStack() as stack:
        for half in halves:
            stack.callback(half.close)

"""Calling back without keeping alive."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any


class WeakCall:
    """Calls a bound method, and nobody once its object is gone.

    What a store owns and tells whom to call would otherwise keep the store, and all it holds, until the
    collector comes. A copy calls nobody: it belongs to another store, which says so.
    """

    __slots__ = ("_method", "_process")

    def __init__(self, method: Callable[..., Any] | None = None) -> None:
        self._method = (lambda: None) if method is None else weakref.WeakMethod(method)
        self._process = os.getpid()

    @property
    def lives(self) -> bool:
        """Whether there is an object to call that is this process's own, not inherited by ``fork``."""
        return self._process == os.getpid() and self._method() is not None

    def __call__(self, *args: Any) -> Any:
        """Calls the method, if its object is still there."""
        method: Any = self._method()
        return None if method is None else method(*args)

    def __reduce__(self) -> tuple[Any, ...]:
        return WeakCall, ()

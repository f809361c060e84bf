"""The type parameters of the pipeline: what an item is, and what all of them together are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T = TypeVar("T", default=Any)
    R = TypeVar("R", default=Any)
else:  # a default is known to type checkers long before Python 3.13 knows it
    from typing import TypeVar

    T = TypeVar("T")
    R = TypeVar("R")

__all__ = ["R", "T"]

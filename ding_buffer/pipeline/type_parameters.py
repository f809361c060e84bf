"""The type parameters of the pipeline, and what PAMIQ-Core calls two types that are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T = TypeVar("T", default=Any)
    R = TypeVar("R", default=Any)
else:  # a default is known to type checkers long before Python 3.13 knows it
    from typing import TypeVar

    T = TypeVar("T")
    R = TypeVar("R")

StepData = Mapping[str, T]
"""An item with named fields."""
BufferData = Mapping[str, Iterable[T]]
"""All items, by field."""

__all__ = ["BufferData", "R", "StepData", "T"]

"""What a training tells its buffers, as far as their layers ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_META: dict[str, Callable[[Any], Any]] = {"train_iter_data_collected": lambda ctx: ctx.train_iter}
_QUERY: dict[str, Callable[[Any], Any]] = {"train_iter_sample_data": lambda ctx: ctx.train_iter}


def told_meta(buffer: Any, ctx: Any) -> dict[str, Any]:
    """Returns the meta that layers of ``buffer`` need of what is pushed now."""
    return {key: _META[key](ctx) for key in getattr(buffer, "needs", ()) if key in _META}


def told_query(buffer: Any, ctx: Any) -> dict[str, Any]:
    """Returns the keywords of ``sample`` that layers of ``buffer`` take now."""
    return {key: _QUERY[key](ctx) for key in getattr(buffer, "takes", ()) if key in _QUERY}

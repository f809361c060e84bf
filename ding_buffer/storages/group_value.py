"""What can name a group."""

from __future__ import annotations

from typing import Any

from ding_buffer.core.copies import is_tensor
from ding_buffer.core.errors import BadArgument


def check_group_value(key: str, value: Any) -> None:
    """Raises ``BadArgument`` for a value that cannot name a group."""
    try:
        hash(value)
    except TypeError:
        raise BadArgument(
            f"meta[{key!r}] is a {type(value).__name__}, which cannot name a group: it has no hash."
        ) from None
    if is_tensor(value):
        raise BadArgument(
            f"meta[{key!r}] is a tensor, and no two tensors are the same group: give meta[{key!r}].item()."
        )

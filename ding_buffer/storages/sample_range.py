"""What a ``sample_range`` leaves of a buffer."""

from __future__ import annotations

from typing import Any

from ding_buffer.core.errors import BadArgument


def positions_in(count: int, sample_range: Any) -> range:
    """Returns the positions of ``count`` items, oldest first, that a ``sample_range`` leaves.

    A slice, a sequence of slices each within the last, or None. Slices mean what they mean for a list, so a
    negative bound counts from the newest item. Raises ``BadArgument`` for anything else.
    """
    positions = range(count)
    if sample_range is None:
        return positions
    for part in sample_range if isinstance(sample_range, (list, tuple)) else (sample_range,):
        if not isinstance(part, slice):
            raise BadArgument(
                f"sample_range must be a slice, e.g. slice(-99, None) for the newest 99, got {part!r}."
            )
        try:
            positions = positions[part]
        except (TypeError, ValueError) as error:
            raise BadArgument(f"sample_range {part!r} is not a slice of positions: {error}.") from error
    return positions

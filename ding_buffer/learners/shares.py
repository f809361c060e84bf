"""Splits a batch between several buffers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ding_buffer.core.errors import BadArgument


def split_batch(batch_size: int, shares: Sequence[float]) -> list[int]:
    """Returns one size per share; together they are exactly ``batch_size``.

    The shares must sum to 1. Rounding goes by the largest remainder, the earlier share first at a tie. A
    share above 0 gets at least one item, taken from the largest; a share of 0 gets none. Raises
    ``BadArgument`` for shares that cannot be met.
    """
    for share in shares:
        if (
            isinstance(share, bool)
            or not isinstance(share, (int, float))
            or not math.isfinite(share)
            or share < 0
        ):
            raise BadArgument(f"a share of a batch must be a number from 0 to 1, not {share!r}")
    total = math.fsum(shares)
    if not math.isclose(total, 1.0, rel_tol=0.0, abs_tol=1e-6):
        raise BadArgument(f"the shares {list(shares)} sum to {total:g}; they must sum to 1")
    wanted = sum(share > 0 for share in shares)
    if wanted > batch_size:
        raise BadArgument(
            f"a batch of {batch_size} cannot hold an item of each of {wanted} buffers; enlarge batch_size"
        )
    exact = [batch_size * share / total for share in shares]
    # A product such as 10 * 0.3 may lie a rounding error below the whole number that is meant.
    sizes = [math.floor(part + 1e-9) for part in exact]
    by_remainder = sorted(range(len(shares)), key=lambda place: sizes[place] - exact[place])
    for place in by_remainder[: batch_size - sum(sizes)]:
        sizes[place] += 1
    for place, share in enumerate(shares):
        if share > 0 and sizes[place] == 0:
            sizes[sizes.index(max(sizes))] -= 1
            sizes[place] = 1
    return sizes

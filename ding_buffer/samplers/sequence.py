"""Where in a group a window begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def window_starts(
    rng: np.random.Generator, lengths: Sequence[int], unroll_len: int, sliced: bool
) -> list[int]:
    """Returns one start for each group of the given lengths, each at least ``unroll_len``.

    Every legal start is equally likely, the last one (the end of an episode) included. ``sliced`` draws from
    the blocks that begin at multiples of ``unroll_len`` instead, the last block being the trailing items: an
    item is drawn uniformly and its block taken, so that a short last block does not weigh as much as a whole
    one.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    if sliced:
        items = rng.integers(0, sizes)
        starts = np.minimum(items // unroll_len * unroll_len, sizes - unroll_len)
    else:
        starts = rng.integers(0, sizes - unroll_len + 1)
    listed: list[int] = starts.tolist()
    return listed

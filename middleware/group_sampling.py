"""Groups cut to one length."""

from __future__ import annotations

from itertools import accumulate
from typing import Any, ClassVar

import numpy as np

from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.chain import Chain, Home, Middleware
from ding_buffer.core.errors import BadQuery, ChainError
from ding_buffer.core.number_checks import check_whole
from ding_buffer.samplers.uniform import distinct


class GroupSample(Middleware):
    """Cuts every sampled group to at most ``size_in_group`` items.

    Consecutive ones, or any in random order.
    """

    name = "group_sample"
    inside: ClassVar = {
        "padding": "it would cut what padding has made equally long",
        "use_time_check": "use_time_check would count the use of items that are then cut away",
        "rate_limit": "rate_limit would count items that are then cut away",
        "monitor": "monitor would count items that are then cut away",
    }

    def __init__(
        self, size_in_group: int, ordered_in_group: bool = True, max_use_in_group: bool = True
    ) -> None:
        check_whole("size_in_group", size_in_group, 1)
        self._length = size_in_group
        self._ordered = ordered_in_group
        self._whole = max_use_in_group

    def bind(self, buffer: Home) -> None:
        """Draws with the buffer's generator."""
        if buffer.store is None:
            raise ChainError(
                f"group_sample draws with the buffer's generator, and {type(buffer).__name__} has none."
            )

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Cuts the groups; a query without ``groupby`` raises ``BadQuery``."""
        if query.get("groupby") is None and not _names_groups(query.get("indices")):
            raise BadQuery("group_sample cuts groups: sample(size, groupby=key) is missing its groupby.")
        batch = chain(size=size, **query)
        if isinstance(batch, BufferedBatch) and batch.lengths is not None:
            lengths = batch.lengths.tolist()
            begins = [end - length for end, length in zip(accumulate(lengths), lengths, strict=True)]
            rows = [begin + self._places(length) for begin, length in zip(begins, lengths, strict=True)]
            return batch.pick(np.concatenate(rows), [len(part) for part in rows])
        return [[group[place] for place in self._places(len(group)).tolist()] for group in batch]

    def _places(self, length: int) -> np.ndarray:
        """Returns which items of a group of this length are kept, in order."""
        rng = self.buffer.store.rng
        if not self._ordered:
            return distinct(rng, length, min(self._length, length))
        starts = max(1, length - self._length + 1) if self._whole else length
        start = int(rng.integers(starts))
        return np.arange(start, min(start + self._length, length))


def _names_groups(indices: Any) -> bool:
    """Tells whether indices come in groups: a layer further out that draws groups hands them on like that."""
    return isinstance(indices, (list, tuple)) and len(indices) > 0 and not isinstance(indices[0], str)


def group_sample(
    size_in_group: int, ordered_in_group: bool = True, max_use_in_group: bool = True
) -> GroupSample:
    """Makes a layer that cuts each group of ``sample(groupby=)`` to at most ``size_in_group`` items.

    ``ordered_in_group``: consecutive items from a start drawn uniformly, else any of them in random order.
    ``max_use_in_group``: only from starts that leave room for a whole window; otherwise a window may be cut
    short by the end of its group. A shorter group comes as it is; ``padding``, used before this layer, evens
    them out.
    """
    return GroupSample(size_in_group, ordered_in_group, max_use_in_group)

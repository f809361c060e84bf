"""From what a sample asks for to the slots it takes."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import accumulate, chain
from typing import Any, NamedTuple

import numpy as np

from ding_buffer.core.batch import index_texts
from ding_buffer.core.errors import BadArgument, BadQuery, NotEnoughItems, UnknownIndex
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.samplers.group import draw_groups
from ding_buffer.samplers.sequence import window_starts
from ding_buffer.samplers.uniform import distinct, with_replacement
from ding_buffer.storages.store import Store
from ding_buffer.structures.group_index import GroupIndex


class Selection(NamedTuple):
    """The arguments of ``sample`` that decide which items are taken."""

    size: int | None
    indices: Any
    replace: bool
    sample_range: Any
    groupby: str | None
    unroll_len: int | None
    sliced: bool


class Chosen(NamedTuple):
    """The slots taken, in order, and of a batch of groups how many belong to each.

    ``repeats`` tells whether one may be there twice.
    """

    slots: np.ndarray
    lengths: Sequence[int] | np.ndarray | None
    repeats: bool

    def take(self, store: Store) -> Any:
        """Returns the items as a batch of this shape."""
        batch: Any = store.storage.take(self.slots, self.repeats)
        store.counts["sampled"] += len(self.slots)  # what was overtaken was not
        if self.lengths is None:
            return batch
        if store.storage.columnar:
            return batch.grouped(self.lengths)
        return [
            batch[end - length : end]
            for end, length in zip(accumulate(self.lengths), self.lengths, strict=True)
        ]


class ChosenGroups(NamedTuple):
    """The slots taken of each group, as lists."""

    groups: Sequence[Sequence[int]]
    repeats: bool

    @property
    def flat(self) -> Chosen:
        """The same with all slots in a row."""
        lengths = [len(group) for group in self.groups]
        slots = np.fromiter(chain.from_iterable(self.groups), dtype=np.int64, count=sum(lengths))
        return Chosen(slots, lengths, self.repeats)

    def take(self, store: Store) -> Any:
        """Returns the items as a batch of groups."""
        if store.storage.columnar or self.repeats:
            return self.flat.take(store)
        store.counts["sampled"] += sum(map(len, self.groups))
        return [store.storage.take(group, False) for group in self.groups]


def select(store: Store, asked: Selection) -> Chosen | ChosenGroups:
    """Chooses slots; raises ``BadQuery``, ``BadArgument``, ``UnknownIndex`` or ``NotEnoughItems``."""
    if asked.indices is not None and not isinstance(asked.indices, (Sequence, np.ndarray)):
        asked = asked._replace(indices=index_texts(asked.indices))
    if asked.indices is not None and len(asked.indices):
        return _by_index(store, asked)
    if asked.size is None or (size := _whole("size", asked.size)) == 0:
        raise BadQuery("One of size and indices must not be empty.")
    unroll_len = _whole("unroll_len", asked.unroll_len or 0)
    if asked.groupby is not None:
        return _by_group(store, asked, size, unroll_len)
    if unroll_len:
        raise BadQuery("unroll_len needs groupby: a window lies within a group.")
    positions = store.positions(asked.sample_range)
    count = len(positions)
    if not count or (size > count and not asked.replace):
        raise NotEnoughItems(
            f"There are less than {size} records in buffer({count}). "
            "Push more, ask for fewer, or sample with replace=True."
        )
    places = with_replacement(store.rng, count, size) if asked.replace else distinct(store.rng, count, size)
    if count == len(store):
        return Chosen(store.ring.slots_drawn(places), None, asked.replace)
    if positions.start or positions.step != 1:
        places = places * positions.step + positions.start
    return Chosen(store.ring.slots_at(places), None, asked.replace)


def draw_plainly(store: Store, size: int) -> tuple[np.ndarray, None] | None:
    """Returns distinct slots, every choice alike, and no weights; None where there are too few items."""
    count = len(store)
    if size > count:
        return None
    return store.ring.slots_drawn(distinct(store.rng, count, size)), None


def _by_index(store: Store, asked: Selection) -> Chosen:
    if asked.groupby is not None or asked.unroll_len:
        raise BadQuery("indices say which items to take; groupby and unroll_len cannot be given with them.")
    if isinstance(asked.indices, (np.ndarray, IndexColumn)) and asked.sample_range is None:
        # What layers hand in: slots, or as many for each group. Mostly all are there.
        flat = store.slots_of(asked.indices)
        rows, *more = getattr(asked.indices, "shape", (len(flat),))
        if asked.size in (None, rows) and len(more) < 2 and (flat is asked.indices or (flat >= 0).all()):
            return Chosen(flat, more * rows if more else None, True)
    if isinstance(asked.indices, np.ndarray):
        nested = asked.indices.ndim > 1
    else:
        nested = not isinstance(asked.indices, (str, IndexColumn)) and not isinstance(asked.indices[0], str)
    groups = [store.slots_of(group) for group in asked.indices] if nested else [store.slots_of(asked.indices)]
    if asked.size is not None and asked.size != (len(groups) if nested else len(groups[0])):
        raise BadQuery(f"Size and indices length must be equal: {asked.size} and {len(asked.indices)}.")
    slots = np.concatenate(groups)
    allowed = slots >= 0
    if asked.sample_range is not None and allowed.all():
        allowed = np.isin(slots, store.slots_in(store.positions(asked.sample_range)))
    if not allowed.all():
        raise UnknownIndex(describe_gone(store, asked.indices, allowed))
    return Chosen(slots, [len(group) for group in groups] if nested else None, True)


def _by_group(store: Store, asked: Selection, size: int, unroll_len: int) -> ChosenGroups:
    key = asked.groupby
    if not isinstance(key, str):
        raise BadArgument(f"groupby must be a meta key (str), got {key!r}.")
    index = store.grouped(key)
    between = None
    if asked.sample_range is not None:
        positions = store.positions(asked.sample_range)
        if not len(positions):
            index = GroupIndex()
        elif positions.step == 1:
            between = store.ring.serials_between(positions.start, positions.stop)
        else:
            index = _regrouped(store, index, positions)
    groups = draw_groups(
        store.rng, index, size, replace=asked.replace, at_least=max(unroll_len, 1), between=between
    )
    if not groups:
        least = f" of {unroll_len} items or more" if unroll_len > 1 else ""
        raise NotEnoughItems(
            f"There are less than {size} groups{least} in buffer({len(index)} groups by {key!r}, "
            f"{len(store)} records). Push more, ask for fewer, or sample with replace=True."
        )
    if unroll_len:
        lengths = [len(group) for group in groups]
        starts = window_starts(store.rng, lengths, unroll_len, asked.sliced)
        groups = [group[start : start + unroll_len] for group, start in zip(groups, starts, strict=True)]
    return ChosenGroups(groups, asked.replace)


def _regrouped(store: Store, index: GroupIndex, positions: range) -> GroupIndex:
    """Groups the items of a range that leaves some out; costs the length of the range."""
    part = GroupIndex()
    slots = store.slots_in(positions if positions.step > 0 else positions[::-1])
    for slot, serial in zip(slots.tolist(), store.ring.serials_of(slots).tolist(), strict=True):
        group = index.of(slot)
        part.add(slot, serial, None if group is None else group.value)
    return part


def _whole(name: str, value: Any) -> int:
    try:
        whole = operator.index(value)
    except TypeError:
        raise BadArgument(f"{name} must be an int, got {value!r}.") from None
    if whole < 0:
        raise BadArgument(f"{name} must not be negative, got {value!r}.")
    return whole


def describe_gone(store: Store, indices: Any, allowed: np.ndarray) -> str:
    """Says which indices cannot be had and why."""
    texts: Sequence[Any] = [indices] if isinstance(indices, str) else list(indices)
    one = (str, np.integer, type(None))
    flat = [text for part in texts for text in ([part] if isinstance(part, one) else part)]
    missing = [text for text, there in zip(flat, allowed.tolist(), strict=True) if not there]
    first = missing[0]
    more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
    if not isinstance(first, str):
        return f"There is no item in slot {first}{more}, or it lies outside sample_range."
    if 0 <= store.text.read_one(first) < store.ring.next:
        why = "it has left the buffer" if store.slot_of(first) < 0 else "it lies outside sample_range"
    else:
        why = "it was never in this buffer"
    return f"There is no item {first!r}{more}: {why}."

"""Which items follow which, and which of them may begin a window; the twin of ``starts.c``."""

from __future__ import annotations

import operator
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.numpy_checks import Array, check_array, check_slots, integers, keep_apart

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_LEAST, _MOST = -(2**63), 2**63 - 1
_INT64, _BOOL = np.dtype(np.int64), np.dtype(np.bool_)


def link_many(
    following: Numbers,
    preceding: Numbers,
    newest: Flags,
    slots: npt.ArrayLike,
    numbers: npt.ArrayLike,
    heads: Numbers,
    ends: Flags,
    /,
) -> None:
    """Cuts the links of slots, then lets each follow the one before it of the same number.

    The first of a number follows ``heads[number]`` unless that is -1, and nothing follows what ``ends``. Then
    ``heads[number]`` is the last of its number, -1 where that ends, and ``newest`` tells the slots that are
    heads. Raises ValueError for a slot named twice or ``newest`` before, and IndexError for one out of range,
    also where links name it; nothing has changed then.
    """
    slots, numbers = integers(slots, "slots"), integers(numbers, "numbers")
    check_array(following, np.int64, 1, "following", True)
    check_array(preceding, np.int64, 1, "preceding", True)
    check_array(newest, np.bool_, 1, "newest", True)
    check_array(heads, np.int64, 1, "heads", True)
    check_array(ends, np.bool_, 1, "ends")
    capacity = following.size
    if not capacity == preceding.size == newest.size:
        raise ValueError("following, preceding and newest must have the same length")
    if not slots.size == numbers.size == ends.size:
        raise ValueError("slots, numbers and ends must have the same length")
    for written, name in ((following, "following"), (preceding, "preceding"), (heads, "heads")):
        _stay(written, name, ((slots, "slots"), (numbers, "numbers")))
    _stay(newest, "newest", ((slots, "slots"), (numbers, "numbers"), (heads, "heads")))
    check_slots(slots, capacity)
    check_slots(numbers, heads.size)
    _check_links(heads, capacity)
    if not slots.size:
        return
    before, after = preceding.take(slots), following.take(slots)
    _check_links(before, capacity)
    _check_links(after, capacity)
    if not (slots[1:] > slots[:-1]).all() and np.unique(slots).size < slots.size:
        raise ValueError("a slot is named twice")
    if newest.take(slots).any():
        raise ValueError("a slot is a head")
    following[before[before >= 0]] = -1
    after = following.take(slots)
    preceding[after[after >= 0]] = -1
    following[slots] = preceding[slots] = -1
    _join(following, preceding, newest, *_by_number(slots, numbers, heads, ends), heads)


def _stay(written: Array, name: str, others: tuple[tuple[Array, str], ...]) -> None:
    for other, other_name in others:
        keep_apart(written, name, other, other_name)


def _check_links(links: Numbers, capacity: int) -> None:
    # Nobody, -1, seen as unsigned plus one, is 0.
    if links.size and int(np.maximum.reduce((links + 1).view(np.uint64))) > capacity:
        check_slots(links[links != -1], capacity)


def _by_number(
    slots: Numbers, numbers: Numbers, heads: Numbers, ends: Flags
) -> tuple[Numbers, Numbers, Flags]:
    """Brings those of one number together, in their order."""
    if not (numbers[1:] >= numbers[:-1]).all():
        # Sixteen bits are sorted by counting: O(n).
        order = np.argsort(numbers.astype(np.uint16) if heads.size <= 2**16 else numbers, kind="stable")
        slots, numbers, ends = slots[order], numbers[order], ends[order]
    return slots, numbers, ends


def _join(
    following: Numbers,
    preceding: Numbers,
    newest: Flags,
    slots: Numbers,
    numbers: Numbers,
    ends: Flags,
    heads: Numbers,
) -> None:
    same = numbers[1:] == numbers[:-1]
    linked = same & ~ends[:-1]
    before, after = slots[:-1][linked], slots[1:][linked]
    following[before] = after
    preceding[after] = before
    borders = np.flatnonzero(~same)
    firsts, lasts = slots[np.append(0, borders + 1)], np.append(borders, slots.size - 1)
    named = numbers[lasts]
    was = heads[named]
    goes_on = was >= 0
    following[was[goes_on]] = firsts[goes_on]
    preceding[firsts[goes_on]] = was[goes_on]
    newest[was[goes_on]] = False
    heads[named] = now = np.where(ends[lasts], -1, slots[lasts])
    newest[now[now >= 0]] = True


def enter_runs(
    following: Numbers,
    preceding: Numbers,
    mates: Numbers,
    counts: Numbers,
    steps: Numbers,
    held: Flags,
    legal: Flags,
    slots: npt.ArrayLike,
    need: SupportsIndex,
    stride: SupportsIndex,
    /,
) -> npt.NDArray[np.int64]:
    """Takes in linked items in their order, each the last of its run; returns those that become legal.

    An item is legal from when on ``need - 1`` others follow it. The first of a run that is not legal yet and
    the last of the run are ``mates`` of each other, all others have -1; ``counts[last]`` is how many there
    are from that first to the last. With a ``stride`` above 1 ``steps`` numbers the items of a run, and only
    multiples of it become legal. Raises IndexError for a slot out of range, also where links or mates name
    one; then what came before it is done.
    """
    need, stride = operator.index(need), operator.index(stride)
    slots = integers(slots, "slots")
    _check_runs(following, preceding, mates, counts, held, legal)
    _check(steps, _INT64, "steps")
    if need < 1 or stride < 1:
        raise ValueError(f"need and stride must be at least 1, got {need} and {stride}")
    capacity = following.size
    if stride > 1 and steps.size != capacity:
        raise ValueError("steps must have a number for each slot")
    listed = _listed(slots, capacity)

    after_of, before_of, mate_of, count_of, step_of, is_held, is_legal = _views(
        following, preceding, mates, counts, steps, held, legal
    )
    let_in: list[int] = []
    for slot in listed:
        before = before_of[slot]
        if not -1 <= before < capacity:
            raise _no_slot(before, capacity)
        is_held[slot] = True
        if stride > 1:
            step = 0 if before < 0 else step_of[before] + 1
            step_of[slot] = step if step <= _MOST else _LEAST
        first, count, passed = slot, 1, slot if need == 1 else -1
        if need > 1 and before >= 0:
            first, count = mate_of[before], count_of[before] + 1
            count = count if count <= _MOST else _LEAST
            if not 0 <= first < capacity:
                raise _no_slot(first, capacity)
            mate_of[before] = -1
            if count == need:
                passed, first, count = first, after_of[first], count - 1
                if not 0 <= first < capacity:
                    raise _no_slot(first, capacity)
                mate_of[passed] = -1
        if passed >= 0 and (stride == 1 or step_of[passed] % stride == 0):
            is_legal[passed] = True
            let_in.append(passed)
        if need > 1:
            mate_of[slot], mate_of[first], count_of[slot] = first, slot, count
    return np.array(let_in, dtype=np.int64)


def leave_runs(
    following: Numbers,
    preceding: Numbers,
    newest: Flags,
    mates: Numbers,
    counts: Numbers,
    held: Flags,
    legal: Flags,
    slots: npt.ArrayLike,
    /,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Takes out the first items of runs, one after the other, up to one that follows another.

    Returns those that were legal, those that were ``newest``, and how many were taken out. The arrays are
    those of ``enter_runs`` and ``link_many``, and all are written. Raises IndexError as ``enter_runs``.
    """
    slots = integers(slots, "slots")
    _check_runs(following, preceding, mates, counts, held, legal, True)
    _check(newest, _BOOL, "newest")
    capacity = following.size
    if newest.size != capacity:
        raise ValueError("all arrays must have the same length")
    listed = _listed(slots, capacity)

    after_of, before_of, is_newest, mate_of, count_of, is_held, is_legal = _views(
        following, preceding, newest, mates, counts, held, legal
    )
    gone: list[int] = []
    were_newest: list[int] = []
    taken = 0
    for slot in listed:
        if before_of[slot] != -1:
            break
        after, last = after_of[slot], mate_of[slot]
        if not (-1 <= after < capacity and -1 <= last < capacity):
            raise _no_slot(last if -1 <= after < capacity else after, capacity)
        if last >= 0:
            mate_of[slot] = -1
            if after >= 0:
                mate_of[last], mate_of[after] = after, last
                count = count_of[last] - 1
                count_of[last] = count if count >= _LEAST else _MOST
        if after >= 0:
            before_of[after] = after_of[slot] = -1
        if is_legal[slot]:
            is_legal[slot] = False
            gone.append(slot)
        if is_newest[slot]:
            is_newest[slot] = False
            were_newest.append(slot)
        is_held[slot] = False
        taken += 1
    return np.array(gone, dtype=np.int64), np.array(were_newest, dtype=np.int64), taken


def _check_runs(
    following: Any, preceding: Any, mates: Any, counts: Any, held: Any, legal: Any, writable: bool = False
) -> None:
    _check(following, _INT64, "following", writable)
    _check(preceding, _INT64, "preceding", writable)
    _check(mates, _INT64, "mates")
    _check(counts, _INT64, "counts")
    _check(held, _BOOL, "held")
    _check(legal, _BOOL, "legal")
    if not len(following) == len(preceding) == len(mates) == len(counts) == len(held) == len(legal):
        raise ValueError("all arrays must have the same length")


def _check(array: Any, dtype: np.dtype[Any], name: str, writable: bool = True) -> None:
    # Cheaply first: nearly all pass.
    if not (type(array) is np.ndarray and array.dtype is dtype and array.ndim == 1 and array.flags.carray):
        check_array(array, dtype.type, 1, name, writable)


def _views(*arrays: Any) -> list[Any]:
    """Returns the arrays in a form in which one number is read and written several times faster."""
    return [memoryview(array) for array in arrays]


def _listed(slots: Numbers, capacity: int) -> list[int]:
    listed: list[int] = slots.tolist()
    if listed and not (min(listed) >= 0 and max(listed) < capacity):
        check_slots(slots, capacity)
    return listed


def _no_slot(slot: int, capacity: int) -> IndexError:
    return IndexError(f"slot {slot} is out of range: slots go from 0 to {capacity - 1}")

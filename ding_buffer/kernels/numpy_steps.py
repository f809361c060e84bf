"""Steps that follow one another, in numpy; the twin of ``steps.c`` and ``returns.c``."""

from __future__ import annotations

import operator
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.numpy_checks import check_array, check_slots, integers, number, reals

_INT64, _BOOL = np.dtype(np.int64), np.dtype(np.bool_)
_NUMBERS = frozenset(np.dtype(char) for char in "?bBhHiIlLqQfd")


def walk(
    following: npt.NDArray[np.int64], slots: npt.ArrayLike, n: SupportsIndex, /
) -> npt.NDArray[np.int64]:
    """Returns the n slots from each slot on, one following the other; int64, shape (B, n).

    ``following`` names for each slot the one after it, -1 for none; after a -1 all are -1, and a walk may
    begin with one. Raises IndexError for any other slot that is out of range.
    """
    steps = operator.index(n)
    if steps < 0:
        raise ValueError(f"a walk has no negative number of steps, got {steps}")
    slots = integers(slots, "slots")
    check_array(following, np.int64, 1, "following")
    _check_from_nobody(slots, following.size)
    walks = np.empty((slots.size, steps), dtype=np.int64)
    if walks.size == 0:
        return walks
    if following.size == 0:  # all start with nobody
        walks.fill(-1)
        return walks
    if steps == 1:
        walks[:, 0] = slots
        return walks
    # One stream, or several in turn, make walks of even steps: these are found at once.
    second = following.take(slots, mode="clip")
    np.multiply((second - slots)[:, None], np.arange(steps), out=walks)
    walks += slots[:, None]
    last, capacity = walks[:, -1], following.size
    even = (slots >= 0) & (second >= 0) & (second < capacity) & (last >= 0) & (last < capacity)
    if even.all():
        even = (following.take(walks[:, :-1], mode="clip") == walks[:, 1:]).all(axis=1)
    else:
        even[even] = (following.take(walks[even, :-1], mode="clip") == walks[even, 1:]).all(axis=1)
    if not even.all():
        uneven = ~even
        walks[uneven] = _step_by_step(following, slots[uneven], steps)
    return walks


def _step_by_step(
    following: npt.NDArray[np.int64], slots: npt.NDArray[np.int64], steps: int
) -> npt.NDArray[np.int64]:
    ways = np.empty((steps, slots.size), dtype=np.int64)
    ways[0] = slots
    for step in range(1, steps):
        following.take(ways[step - 1], mode="clip", out=ways[step])
    # What was reached from nobody is any slot.
    ways[np.logical_or.accumulate(ways == -1, axis=0)] = -1
    _check_from_nobody(ways.reshape(-1), following.size)
    walked: npt.NDArray[np.int64] = ways.T
    return walked


def _check_from_nobody(slots: npt.NDArray[np.int64], capacity: int) -> None:
    # Nobody, -1, seen as unsigned plus one, is 0.
    if slots.size and int(np.maximum.reduce((slots + 1).view(np.uint64))) > capacity:
        check_slots(slots[slots != -1], capacity)


def relink(
    following: npt.NDArray[np.int64],
    preceding: npt.NDArray[np.int64],
    newest: npt.NDArray[np.bool_],
    slot: SupportsIndex,
    before: SupportsIndex,
    is_newest: bool,
    /,
) -> None:
    """Cuts the links of a slot to both sides, lets it follow ``before`` unless that is -1.

    Then ``newest[slot]`` is what is given, and ``newest[before]`` False. Raises IndexError, nothing changed,
    for a slot that is out of range, also where links name one.
    """
    is_newest = bool(is_newest)
    slot, before = operator.index(slot), operator.index(before)
    if not (_is_plain(following, _INT64) and _is_plain(preceding, _INT64) and _is_plain(newest, _BOOL)):
        check_array(following, np.int64, 1, "following", True)
        check_array(preceding, np.int64, 1, "preceding", True)
        check_array(newest, np.bool_, 1, "newest", True)
    capacity = len(following)
    if not capacity == len(preceding) == len(newest):
        raise ValueError("following, preceding and newest must have the same length")
    if not (0 <= slot < capacity and -1 <= before < capacity):
        raise _no_slot(before if 0 <= slot < capacity else slot, capacity)
    left, right = preceding.item(slot), following.item(slot)
    if not (-1 <= left < capacity and -1 <= right < capacity):
        raise _no_slot(right if -1 <= left < capacity else left, capacity)
    if left >= 0:
        following[left] = -1
    if right >= 0:
        preceding[right] = -1
    preceding[slot] = before
    following[slot] = -1
    newest[slot] = is_newest
    if before >= 0:
        following[before] = slot
        newest[before] = False


def _is_plain(array: Any, dtype: np.dtype[Any]) -> bool:
    """Tells, cheaply, that ``check_array`` would let a vector pass; it may do so where this says no."""
    return type(array) is np.ndarray and array.dtype is dtype and array.ndim == 1 and array.flags.carray


def _no_slot(slot: int, capacity: int) -> IndexError:
    return IndexError(f"slot {slot} is out of range: slots go from 0 to {capacity - 1}")


def fold_rewards(
    rewards: npt.ArrayLike, valid: npt.NDArray[np.bool_], gamma: float, /
) -> npt.NDArray[np.float64]:
    """Returns the sum of gamma ** k * rewards[:, k] over what is valid; both (B, n), the result (B,) float64.

    What is not valid is not looked at, so it may be NaN.
    """
    gamma = number(gamma, "gamma")
    rewards = reals(rewards, "rewards")
    check_array(valid, np.bool_, 2, "valid")
    if rewards.shape != valid.shape:
        raise ValueError("rewards and valid must have the same shape (B, n)")
    weights = np.power(gamma, np.arange(rewards.shape[1]))
    folded: npt.NDArray[np.float64] = np.add.reduce(np.where(valid, rewards, 0.0) * weights, axis=1)
    return folded


def n_step(
    following: npt.NDArray[np.int64],
    slots: npt.ArrayLike,
    powers: npt.NDArray[np.float64],
    rewards: npt.NDArray[Any],
    terminated: npt.NDArray[Any] | None,
    truncated: npt.NDArray[Any] | None,
    done: npt.NDArray[Any] | None,
    /,
) -> tuple[Any, ...]:
    """Goes on from each slot until a flag is set, nothing follows, or n steps are taken.

    ``powers`` are those of gamma from 0 to n, float64, n at least 1. ``rewards`` and the flags have a number
    for each slot, in any memory: bool, integers, float32 or float64; a flag may be None. Returns for each
    slot the last one reached, the number of steps, the sum of ``powers[k] * reward`` over them, the discount
    of what comes after (``powers[steps]``, 0 where the last is terminated; without such a flag, where it is
    done and not truncated), and the three flags of the last as they are, or None. IndexError as ``walk``.
    """
    slots = integers(slots, "slots")
    check_array(following, np.int64, 1, "following")
    check_array(powers, np.float64, 1, "powers")
    if powers.size < 2:
        raise ValueError("powers must be those of gamma from 0 to at least 1")
    _check_strip(rewards, following.size, "rewards")
    flags = (terminated, truncated, done)
    for name, flag in zip(("terminated", "truncated", "done"), flags, strict=True):
        if flag is not None:
            _check_strip(flag, following.size, name)
    check_slots(slots, following.size)
    return _returns(following, slots, powers, rewards, flags)


def _check_strip(strip: Any, capacity: int, name: str) -> None:
    if not isinstance(strip, np.ndarray):
        raise TypeError(f"{name} must be an array, got {type(strip)!r}")
    if strip.dtype not in _NUMBERS:
        raise TypeError(
            f"{name} must be native bools, integers, float32 or float64, got an array of {strip.dtype!r}"
        )
    if strip.shape != (capacity,):
        raise ValueError(f"{name} must have one number for each of the {capacity} slots")


def _returns(
    following: npt.NDArray[np.int64],
    slots: npt.NDArray[np.int64],
    powers: npt.NDArray[np.float64],
    rewards: npt.NDArray[Any],
    flags: tuple[npt.NDArray[Any] | None, ...],
) -> tuple[Any, ...]:
    n, count, capacity = powers.size - 1, slots.size, following.size
    if not count:
        none = [None if flag is None else np.empty(0, flag.dtype) for flag in flags]
        return slots.copy(), np.empty(0, np.int64), np.empty(0), np.empty(0), *none
    # All take n steps; what comes after a step that is the last is any slot, and does not count.
    steps = np.empty((n, count), dtype=np.int64)
    steps[0] = slots
    for k in range(1, n):
        following.take(steps[k - 1], mode="clip", out=steps[k])
    links = steps[1:]
    wild = None
    if n > 1 and int(np.maximum.reduce((links + 1).view(np.uint64), axis=None)) > capacity:
        wild = (links < -1) | (links >= capacity)
        links, steps = links.copy(), np.clip(steps, 0, capacity - 1)

    held = [None if flag is None else flag[steps] for flag in flags]
    goes = links >= 0 if wild is None else links != -1
    for flag in held:
        if flag is not None:
            np.greater(goes, _truth(flag[:-1]), out=goes)
    for k in range(1, n - 1):
        np.logical_and(goes[k - 1], goes[k], out=goes[k])
    if wild is not None:
        check_slots(links[goes & wild], capacity)

    counts: npt.NDArray[np.int64] = np.add.reduce(goes, axis=0, dtype=np.int64)  # the last of each, for now
    places = counts * count
    places += np.arange(count)
    counts += 1
    earned = rewards[steps]
    earned[1:][~goes] = 0
    sums = np.add.reduce(earned * powers[:n, None], axis=0)
    ends = [None if flag is None else flag.reshape(-1).take(places) for flag in held]
    terminated, truncated, done = (None if end is None else _truth(end) for end in ends)
    if terminated is None and done is not None:
        terminated = done if truncated is None else done > truncated
    discounts: npt.NDArray[np.float64] = powers.take(counts)
    if terminated is not None:
        discounts[terminated] = 0.0
    return steps.reshape(-1).take(places), counts, sums, discounts, *ends


def _truth(flags: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return flags if flags.dtype == np.bool_ else flags.astype(np.bool_)

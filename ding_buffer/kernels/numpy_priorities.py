"""New priorities in numpy: checked, weighed and written; the twin of ``priorities.c`` and ``powers.c``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.numpy_checks import check_array, check_slots, integers, keep_apart, number, reals


def set_priorities(
    leaves: npt.NDArray[np.float64],
    priorities: npt.NDArray[np.float64],
    live: npt.NDArray[np.bool_],
    slots: npt.ArrayLike,
    given: npt.ArrayLike,
    epsilon: float,
    alpha: float,
    highest: float,
    /,
) -> int:
    """Writes masses (given + epsilon) ** alpha and priorities, and makes the slots live.

    ``given`` has one priority for each slot, or one for all; the last one of a slot named twice stays.
    Returns how many slots were not live before. Raises ValueError for a priority that is NaN, negative or
    above ``highest``, and IndexError for a slot out of range; nothing has changed then.
    """
    slots, given = integers(slots, "slots"), reals(given, "given")
    check_array(leaves, np.float64, 1, "leaves", True)
    check_array(priorities, np.float64, 1, "priorities", True)
    check_array(live, np.bool_, 1, "live", True)
    if not (live.size == priorities.size <= leaves.size):
        raise ValueError(f"got {leaves.size} leaves, {priorities.size} priorities and {live.size} live flags")
    _keep_all_apart(leaves, priorities, live, slots, given)
    if given.ndim > 1 or (given.ndim and given.size != slots.size):
        raise ValueError(f"got {given.size} priorities for {slots.size} slots")
    check_slots(slots, priorities.size)
    # NaN makes both extremes NaN, and every comparison with NaN is false.
    if given.size and not (
        np.minimum.reduce(given, axis=None) >= 0.0 and np.maximum.reduce(given, axis=None) <= highest
    ):
        raise ValueError("a priority is NaN, negative or too large")
    leaves[slots] = power(given, epsilon, alpha)
    priorities[slots] = given
    was_live = live.take(slots, mode="clip")
    if was_live.all():
        return 0
    live[slots] = True
    return int(np.unique(slots[~was_live]).size)


def _keep_all_apart(
    leaves: npt.NDArray[np.float64],
    priorities: npt.NDArray[np.float64],
    live: npt.NDArray[np.bool_],
    slots: npt.NDArray[np.int64],
    given: npt.NDArray[np.float64],
) -> None:
    keep_apart(leaves, "leaves", priorities, "priorities")
    keep_apart(leaves, "leaves", live, "live")
    keep_apart(priorities, "priorities", live, "live")
    for written, name in ((leaves, "leaves"), (priorities, "priorities"), (live, "live")):
        keep_apart(written, name, slots, "slots")
        keep_apart(written, name, given, "given")


def power(base: npt.ArrayLike, addend: float, exponent: float, /) -> npt.NDArray[np.float64]:
    """Returns (base + addend) ** exponent; float64 in the shape of ``base``, a new array.

    What becomes of a number does not depend on the numbers beside it.
    """
    addend, exponent = number(addend, "addend"), number(exponent, "exponent")
    base = reals(base, "base")
    masses: npt.NDArray[np.float64] = np.atleast_1d(base) + addend
    np.power(masses, exponent, out=masses)
    return masses.reshape(base.shape)

"""Brings the slots a caller names into the one form the structures work on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def checked_slots(slots: npt.ArrayLike, capacity: int) -> npt.NDArray[np.int64]:
    """Returns the slots as a flat int64 array, all of them in ``range(capacity)``.

    An int64 array comes back as a view, anything else as a copy. Raises IndexError for anything that is not a
    whole number in range; negative slots do not count from the end.
    """
    array = np.asarray(slots)
    if array.dtype != np.int64:
        if array.size == 0:
            return np.empty(0, dtype=np.int64)
        if array.dtype.kind not in "iu":
            raise IndexError(f"slots must be whole numbers, got an array of {array.dtype}")
        if array.dtype == np.uint64 and int(array.max()) >= capacity:
            raise IndexError(f"slot {int(array.max())} is out of range: slots go from 0 to {capacity - 1}")
        array = array.astype(np.int64)
    if array.ndim != 1:
        array = array.reshape(-1)
    # Seen as unsigned, a negative slot is a huge one: one pass checks both ends.
    if array.size and int(np.maximum.reduce(array.view(np.uint64))) >= capacity:
        wrong = array[(array < 0) | (array >= capacity)]
        raise IndexError(f"slot {int(wrong[0])} is out of range: slots go from 0 to {capacity - 1}")
    return array

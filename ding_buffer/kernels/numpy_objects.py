"""Lists of objects and the texts that name them; the twin of ``objects.c``."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.numpy_checks import check_slots, integers

T = TypeVar("T")

_HALF = 16
_FIRST = 1 << 60


def take_objects(items: list[T], slots: npt.ArrayLike, /) -> list[T]:
    """Returns ``[items[slot] for slot in slots]``; IndexError for a slot out of range, negative ones too."""
    if not isinstance(items, list):
        raise TypeError(f"items must be a list, got {type(items)!r}")
    slots = integers(slots, "slots")
    check_slots(slots, len(items))
    return [items[slot] for slot in slots.tolist()]


def read_texts(texts: list[str], prefix: str, /) -> npt.NDArray[np.int64] | None:
    """Returns the serials of index texts with this prefix; int64, or None if a text is anything else.

    A text is the prefix of 16 letters, then 2 ** 60 plus the serial as 16 small hex digits.
    """
    if not isinstance(texts, list):
        raise TypeError(f"texts must be a list, got {type(texts)!r}")
    own = _number_of(prefix)
    try:
        joined = "".join(texts)
        raw = bytes.fromhex(joined)
    except (TypeError, ValueError):
        return None
    # fromhex takes capitals and blanks too, and joined texts do not show where one ends.
    plain = 2 * len(raw) == len(joined) and joined == joined.lower()
    if not plain or not {2 * _HALF}.issuperset(map(len, texts)):
        return None
    words = np.frombuffer(raw, dtype=">i8").astype(np.int64)
    serials = words[1::2] - _FIRST
    if own is None or not (words[::2] == own).all():
        return None
    # As an unsigned number, one below zero would be huge.
    if serials.size and int(np.maximum.reduce(serials.view(np.uint64))) >= _FIRST:
        return None
    return serials


@lru_cache(maxsize=64, typed=True)
def _number_of(prefix: str) -> int | None:
    """Returns what the prefix of a text stands for, None where no text in small hex digits has it."""
    if not isinstance(prefix, str):
        raise TypeError("a prefix is a text of 16 letters")
    if len(prefix.encode()) != _HALF:
        raise ValueError("a prefix is a text of 16 letters")
    if not set(prefix) <= set("0123456789abcdef"):
        return None
    return int.from_bytes(bytes.fromhex(prefix), "big", signed=True)

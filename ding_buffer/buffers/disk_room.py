"""Room on the disk for a file that is about to be written."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from typing import Any

_WORTH_IT = 1 << 20
_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE


def reserve_room(handle: int, size: int) -> None:
    """Tells the system how many bytes an empty file will have, where it listens.

    Linux then need not look for room page by page, nor write the file out before it may replace another,
    which is a third of the time. ``os.posix_fallocate`` is no substitute: where the file system has no such
    thing it writes to every block.
    """
    fallocate = _fallocate() if size >= _WORTH_IT else None
    if fallocate is not None:
        fallocate(handle, _KEEP_SIZE, 0, size)  # where there is no room, writing says so


@lru_cache(maxsize=1)
def _fallocate() -> Any:
    if sys.platform != "linux":
        return None
    found = getattr(ctypes.CDLL(None), "fallocate64", None)
    if found is not None:
        found.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return found

"""What keeps the order in which other processors see writes to shared memory."""

from __future__ import annotations

import platform
import threading

_STRONG = platform.machine().lower() in {"x86_64", "amd64", "i386", "i686"}
_LOCK = threading.Lock()


def fence() -> None:
    """Lets no read or write pass from before to after, or back.

    Processors of the x86 family show the writes of one in the order they were made, and read in order: all
    that versions of rows need. On others two passes through a lock are a barrier in both directions: what is
    before cannot sink past the first release, what is after cannot rise above the second acquisition.
    """
    if not _STRONG:
        for _ in range(2):
            with _LOCK:
                pass

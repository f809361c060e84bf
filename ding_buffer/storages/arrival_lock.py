"""The lock of a store whose items come from other processes too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ding_buffer.core.lock import FairLock


class ArrivalLock(FairLock):
    """Lets in what has arrived whenever somebody takes it who did not hold it.

    So every action, and whatever else looks at items, begins with what the other processes have written, and
    nothing changes in its midst.
    """

    __slots__ = ("_arrive",)

    def __init__(self, arrive: Callable[[], None]) -> None:
        super().__init__()
        self._arrive = arrive
        self.awaited = True  # nobody takes the mutex past this class

    def __enter__(self) -> ArrivalLock:
        if self.mutex._is_owned():
            try:
                self.mutex.acquire()
            except BaseException:
                self.let_go()
                raise
            return self
        try:
            with self._turnstile:
                self.mutex.acquire()
            self._arrive()
        except BaseException:
            if self.mutex._is_owned():
                self.release()
            raise
        return self

    def _acquire_restore(self, depth: Any) -> None:
        with self._turnstile:
            self.mutex._acquire_restore(depth)

    def __reduce__(self) -> Any:
        raise TypeError("the lock of a shared store is not copied: its store makes one")

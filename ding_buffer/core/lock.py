"""The one lock of a store."""

from __future__ import annotations

import threading
from typing import Any

from ding_buffer.kernels.chosen import Mutex


class FairLock:
    """A re-entrant lock that a thread in a tight loop cannot keep from the others.

    A plain lock is free for a few nanoseconds between two calls of a busy sampler, and a blocked writer must
    win that race while the interpreter lock is against it. Here the first waiter stands in a turnstile and
    says so; whoever comes after it, the busy thread included, queues behind. Works as the lock of a
    ``threading.Condition``.
    """

    __slots__ = ("_turnstile", "awaited", "mutex")

    def __init__(self) -> None:
        self.mutex: Any = Mutex()
        self._turnstile = threading.Lock()
        self.awaited = False  # written only by the thread that stands in the turnstile

    def __enter__(self) -> FairLock:
        # An owner must never queue: the one in the turnstile waits for it.
        if (self.awaited and not self.mutex._is_owned()) or not self.mutex.acquire(False):
            with self._turnstile:
                self.awaited = True
                try:
                    self.mutex.acquire()
                finally:
                    self.awaited = False
        return self

    def __exit__(self, *_: object) -> None:
        self.mutex.release()

    def acquire(self) -> bool:
        """Takes the lock, waiting as long as it must."""
        self.__enter__()
        return True

    def release(self) -> None:
        """Gives back one ``acquire``."""
        self.mutex.release()

    # What threading.Condition asks of a re-entrant lock.
    def _is_owned(self) -> bool:
        return bool(self.mutex._is_owned())

    def _release_save(self) -> Any:
        return self.mutex._release_save()

    def _acquire_restore(self, depth: Any) -> None:
        with self._turnstile:
            self.awaited = True
            try:
                self.mutex._acquire_restore(depth)
            finally:
                self.awaited = False

    def __reduce__(self) -> tuple[type[FairLock], tuple[()]]:
        """A copy of a lock is a new lock that nobody holds."""
        return (FairLock, ())

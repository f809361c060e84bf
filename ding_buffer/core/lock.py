"""The one lock of a store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from threading import get_ident
from typing import Any

from ding_buffer.kernels.chosen import Mutex


class FairLock:
    """A re-entrant lock that a thread in a tight loop cannot keep from the others.

    A plain lock is free for a few nanoseconds between two calls of a busy sampler, and a blocked writer must
    win that race while the interpreter lock is against it. Here the first waiter stands in a turnstile and
    says so; whoever comes after it, the busy thread included, queues behind. Works as the lock of a
    ``threading.Condition``.

    Whoever holds it can leave calls in ``pending``, to be made once it is free again. Whoever takes it calls
    ``heed`` first where there is ``news``, something of which ``unheard`` is above zero.

    Ctrl-C may strike as soon as a call has returned: so also between taking the mutex and saying so. What
    takes it gives it back then. ``with`` leaves one gap, at the first step of ``__exit__``: an action holds
    it by ``acquire``, and gives back the mutex itself.
    """

    __slots__ = ("_turnstile", "awaited", "due", "heed", "mutex", "news")

    def __init__(self) -> None:
        self.mutex: Any = Mutex()
        self._turnstile = threading.Lock()
        self.awaited = False  # written only by the thread that stands in the turnstile
        self.news: Any = None
        self.heed: Callable[[], object] = int  # does nothing
        # By thread; each touches its own alone, so a dict does without a lock. True while anybody's is there.
        self.due: dict[int, list[Callable[[], object]]] = {}

    def __enter__(self) -> FairLock:
        mutex = self.mutex
        taken = False
        # An owner must never queue: the one in the turnstile waits for it.
        if not self.awaited or mutex._is_owned():
            try:
                taken = mutex.acquire(False)
            except BaseException:  # a signal's, after it was taken or not
                self.let_go()
                raise
        if not taken:
            try:
                with self._turnstile:
                    self.awaited = True
                    try:
                        mutex.acquire()
                    finally:
                        self.awaited = False
            except BaseException:
                self.let_go()
                raise
        if self.news is not None and self.news.unheard:
            try:
                self.heed()
            except BaseException:
                self.release()
                raise
        return self

    def let_go(self) -> None:
        """Gives back what an ``acquire`` of the mutex has taken that did not come to say so."""
        if self.mutex._is_owned():
            self.mutex.release()

    def __exit__(self, *_: object) -> None:
        self.mutex.release()
        if self.due:
            self.settle()

    def acquire(self) -> bool:
        """Takes the lock, waiting as long as it must."""
        self.__enter__()
        return True

    def release(self) -> None:
        """Gives back one ``acquire``."""
        self.__exit__()

    @property
    def pending(self) -> list[Callable[[], object]]:
        """What the thread that holds it will call, in this order, when it has given it back wholly.

        All are called even if one raises. The last error is raised where the lock was given back, and the
        one before is its ``__context__``.
        """
        return self.due.setdefault(get_ident(), [])

    def settle(self) -> None:
        """Makes the calls that this thread has left, once it holds the lock no more."""
        if not self.mutex._is_owned():
            _make(iter(self.due.pop(get_ident(), ())))

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


def _make(calls: Iterator[Callable[[], object]]) -> None:
    try:
        for call in calls:
            call()
    except BaseException:
        _make(calls)  # those that are left
        raise

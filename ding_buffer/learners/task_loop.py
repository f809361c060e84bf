"""The loop that runs the middleware of a training, as in DI-engine, in one process and one thread."""

from __future__ import annotations

import fnmatch
import functools
import inspect
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from ding_buffer.core.errors import BadArgument
from ding_buffer.learners.context import Context
from ding_buffer.learners.halves import Half, close_all, first_half, second_half
from ding_buffer.learners.learner_errors import TaskNotRunning

TaskMiddleware = Callable[[Any], Any]


@dataclass(eq=False)
class _Run:
    """Everything that belongs to one ``start``; a nested ``start`` puts another one on top."""

    ctx: Any
    labels: set[str]
    middleware: list[TaskMiddleware] = field(default_factory=list)
    wrappers: list[Callable[[TaskMiddleware], TaskMiddleware]] = field(default_factory=list)
    pending: list[Half] = field(default_factory=list)
    lock: Any = field(default_factory=threading.RLock)
    finish: bool = False
    stepped: bool = False


class Task:
    """Runs middleware in order, again and again.

    ``with task.start(ctx=...): task.use(...); task.run(max_step=...)``

    A middleware is a callable that takes the context. If it is a generator, what stands after its ``yield``
    runs on the way back, once every middleware has had its forward half, last in first out. Between
    iterations the context is renewed.
    """

    def __init__(self) -> None:
        self._runs: list[_Run] = []
        # DI-engine's middleware ask whether other processes take part; here none do.
        self.router = SimpleNamespace(is_active=False, is_subprocess=False, node_id=0)

    def start(
        self,
        async_mode: bool = False,
        n_async_workers: int = 3,
        ctx: Any = None,
        labels: Iterable[str] | None = None,
    ) -> Task:
        """Begins a task without middleware; leaving its ``with`` block brings back the one that ran before.

        ``async_mode=True`` raises ``BadArgument``. ``n_async_workers`` is accepted for DI-engine's sake and
        means nothing without it.
        """
        if async_mode:
            raise BadArgument(
                "async_mode=True is not supported: middleware sharing a context would race for its fields. "
                "Use async_mode=False; a buffer may be filled from a thread of your own meanwhile"
            )
        self._runs.append(_Run(ctx=Context() if ctx is None else ctx, labels={"standalone", *(labels or ())}))
        return self

    def stop(self) -> None:
        """Ends the innermost task: closes the generators that still wait and forgets its middleware."""
        run = self._runs.pop() if self._runs else None
        if run is not None:
            close_all(run.pending)

    def __enter__(self) -> Task:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def ctx(self) -> Any:
        """The context of the current iteration."""
        return self._run.ctx

    @ctx.setter
    def ctx(self, value: Any) -> None:
        self._run.ctx = value

    @property
    def finish(self) -> bool:
        """Whether the loop ends after this iteration; a middleware or another thread may set it."""
        return self._run.finish

    @finish.setter
    def finish(self, value: bool) -> None:
        self._run.finish = bool(value)

    def use(self, fn: TaskMiddleware, lock: Any = False) -> Task:
        """Appends a middleware.

        ``lock`` is held during each half of it: a lock of your own, shared with a thread of yours, or True
        for the task's one lock, which nothing contends for in a single thread.
        """
        run = self._run
        for wrapper in run.wrappers:
            fn = wrapper(fn)
        run.middleware.append(self.wrap(fn, lock=lock))
        return self

    def use_wrapper(self, wrapper: Callable[[TaskMiddleware], TaskMiddleware]) -> Task:
        """Puts a decorator around every middleware, those already there and those to come."""
        run = self._run
        run.middleware[:] = [wrapper(fn) for fn in run.middleware]
        run.wrappers.append(wrapper)
        return self

    def wrap(self, fn: TaskMiddleware, lock: Any = False) -> Callable[[Any], Callable[[], None]]:
        """Makes a middleware callable from within another one.

        Calling the result runs the first half and returns a function that runs the second. If that is not
        called, the second half runs on the task's way back.
        """
        if not callable(fn) or inspect.iscoroutinefunction(fn):
            raise BadArgument(
                f"a middleware is a plain or generator function that takes the context, not {fn!r}"
            )
        if not (isinstance(lock, bool) or hasattr(lock, "__enter__")):
            raise BadArgument(f"lock must be True, False or a lock to hold, not {lock!r}")

        @functools.wraps(fn)
        def forward(ctx: Any) -> Callable[[], None]:
            run = self._run
            held: AbstractContextManager[Any] = run.lock if lock is True else (lock or nullcontext())
            with held:
                half = first_half(fn, ctx)
            if half is None:
                return _nothing
            resumed = _holding(half, held) if lock else half
            run.pending.append(resumed)

            def backward() -> None:
                if resumed in run.pending:
                    run.pending.remove(resumed)
                    second_half(resumed)

            return backward

        return forward

    def forward(self, fn: TaskMiddleware, ctx: Any = None) -> Half | None:
        """Runs the first half of a middleware; a generator is returned and waits for ``backward``."""
        run = self._run
        half = first_half(fn, run.ctx if ctx is None else ctx)
        if half is not None:
            run.pending.append(half)
        return half

    def backward(self, backward_stack: list[Half] | None = None) -> None:
        """Runs the second halves that wait, or those of the given list (which is emptied), the last first."""
        stack = self._run.pending if backward_stack is None else backward_stack
        while stack:
            second_half(stack.pop())

    def serial(self, *fns: TaskMiddleware) -> TaskMiddleware:
        """Makes one middleware of several: their first halves in order, their second halves in reverse."""

        def serial_of(ctx: Any) -> Half:
            halves: list[Half] = []
            try:
                for fn in fns:
                    half = first_half(fn, ctx)
                    if half is not None:
                        halves.append(half)
                yield
                self.backward(halves)
            finally:
                close_all(halves)

        return serial_of

    def renew(self) -> Task:
        """Replaces the context by the one of the next iteration."""
        self._run.ctx = self._run.ctx.renew()
        return self

    def run(self, max_step: int = 10**12) -> None:
        """Runs iterations until ``max_step`` of them are done or ``finish`` is set.

        The context of the last one stays readable as ``ctx``. An exception, Ctrl-C included, closes the
        waiting generators, the last first, so that their ``finally`` clauses run, and goes on.
        """
        run = self._run
        run.finish = False
        if not run.middleware:
            return
        for step in range(max_step):
            if run.stepped:
                self.renew()
            run.stepped = True
            self._iterate(run)
            if step == max_step - 1:
                run.finish = True
            if run.finish:
                break

    def _iterate(self, run: _Run) -> None:
        # Whatever waited before belongs to an iteration around this one.
        outer, run.pending = run.pending, []
        try:
            for fn in tuple(run.middleware):
                fn(run.ctx)
            self.backward(run.pending)
        finally:
            waiting, run.pending = run.pending, outer
            close_all(waiting)

    @staticmethod
    def void() -> TaskMiddleware:
        """Returns a middleware that does nothing."""
        return _void

    def match_labels(self, patterns: Iterable[str] | str) -> bool:
        """Tells whether a label of this task matches one of the glob patterns."""
        wanted = [patterns] if isinstance(patterns, str) else patterns
        return any(fnmatch.filter(self._run.labels, pattern) for pattern in wanted)

    @property
    def _run(self) -> _Run:
        if not self._runs:
            raise TaskNotRunning("the task is not running: use it within `with task.start(ctx=...):`")
        return self._runs[-1]


def _nothing() -> None:
    return None


def _void(ctx: Any) -> None:
    return None


def _holding(half: Half, lock: AbstractContextManager[Any]) -> Half:
    """Wraps a waiting generator so that its second half runs under the lock."""

    def rest() -> Half:
        try:
            yield
            with lock:
                second_half(half)
        finally:
            half.close()

    made = rest()
    next(made)
    return made


task = Task()

"""The way from a caller to the layers: arguments in one form, one lock for the whole of an action."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from ding_buffer.core.chain import ACTIONS, Chain
from ding_buffer.core.errors import BadArgument, ChainError, Overtaken

_IN_HAND = (dict, list)
_ATTEMPTS = 100
"""How often a sample is drawn again whose items other processes write over while they are read."""


def apply_middleware(action: str) -> Callable[[Chain], Chain]:
    """Decorates the method that carries out ``action``.

    Callers reach it through the layers, under the buffer's lock.

    The arguments are bound once, here, so that every layer sees ``push(data, meta=)``, ``extend(batch,
    meta=)``, ``sample(size=, **query)``, ``update(index, data=, meta=)``, ``delete(indices)`` and
    ``clear()``. ``sample`` passes on only what differs from its default.
    """
    if action not in _BINDINGS:
        raise BadArgument(f"{action!r} is not an action. The actions are {', '.join(ACTIONS)}.")
    return lambda base: _mark(_BINDINGS[action](base), base)


def _mark(bound: Chain, base: Chain) -> Chain:
    public = wraps(base)(bound)
    public.__dict__["_base"] = base
    return public


def _push(base: Chain) -> Chain:
    def push(self: Any, data: Any, meta: dict[str, Any] | None = None) -> Any:
        lock = self._lock
        mutex = lock.mutex
        # FairLock.__enter__ spelled out, on the path where a call more is a tenth of the whole.
        try:
            taken = not (lock.awaited or lock.news) and mutex.acquire(False)
        except BaseException:
            lock.let_go()
            raise
        if not taken:
            lock.acquire()
        try:
            if not self._chains or self._bases["push"] is not base:
                return base(self, data, meta)
            return self._pick("push")(data, meta=meta)
        finally:
            mutex.release()
            if lock.due:
                lock.settle()

    return push


def _extend(base: Chain) -> Chain:
    def extend(self: Any, batch: Any, meta: Any = None) -> Any:
        if type(batch) not in _IN_HAND and isinstance(batch, Iterator):  # a layer may look twice
            batch = list(batch)
        lock = self._lock
        mutex = lock.mutex
        try:  # as in push
            taken = not (lock.awaited or lock.news) and mutex.acquire(False)
        except BaseException:
            lock.let_go()
            raise
        if not taken:
            lock.acquire()
        try:
            if self._bases["extend"] is not base:
                return base(self, batch, meta)
            return self._pick("extend")(batch, meta=meta)
        finally:
            mutex.release()
            if lock.due:
                lock.settle()

    return extend


def _sample(base: Chain) -> Chain:
    def sample(
        self: Any,
        size: int | None = None,
        indices: Any = None,
        replace: bool = False,
        sample_range: Any = None,
        ignore_insufficient: bool = False,
        groupby: str | None = None,
        unroll_len: int | None = None,
        **query: Any,
    ) -> Any:
        if indices is not None and not (isinstance(indices, (list, tuple)) and not indices):
            query["indices"] = indices  # an empty list names nothing: it is the same as none
        if replace:
            query["replace"] = replace
        if sample_range is not None:
            query["sample_range"] = sample_range
        if ignore_insufficient:
            query["ignore_insufficient"] = ignore_insufficient
        if groupby is not None:
            query["groupby"] = groupby
        if unroll_len is not None:
            query["unroll_len"] = unroll_len
        for _ in range(_ATTEMPTS):
            lock = self._lock
            lock.acquire()
            try:
                return _drawn(self, base, size, query)
            except Overtaken as overtaken:
                # Another process wrote over what was drawn: then others are drawn.
                self.store.overtaken(overtaken.slots)
            finally:
                lock.mutex.release()
                if lock.due:
                    lock.settle()
        with self._lock:
            return _drawn(self, base, size, query)

    return sample


def _drawn(self: Any, base: Chain, size: int | None, query: dict[str, Any]) -> Any:
    if self._bases["sample"] is not base:
        return base(self, size=size, **query)
    batch = self._pick("sample")(size=size, **query)
    if batch is None:
        raise ChainError("A layer returned None from sample(). Did it forget to return chain(...)?")
    return batch


def _update(base: Chain) -> Chain:
    def update(self: Any, index: Any, data: Any = None, meta: Any = None) -> Any:
        lock = self._lock
        lock.acquire()
        try:
            if self._bases["update"] is not base:
                return base(self, index, data, meta)
            return self._pick("update")(index, data=data, meta=meta)
        finally:
            lock.mutex.release()
            if lock.due:
                lock.settle()

    return update


def _delete(base: Chain) -> Chain:
    def delete(self: Any, indices: Any) -> Any:
        lock = self._lock
        lock.acquire()
        try:
            if self._bases["delete"] is not base:
                return base(self, indices)
            return self._pick("delete")(indices)
        finally:
            lock.mutex.release()
            if lock.due:
                lock.settle()

    return delete


def _clear(base: Chain) -> Chain:
    def clear(self: Any) -> Any:
        lock = self._lock
        lock.acquire()
        try:
            if self._bases["clear"] is not base:
                return base(self)
            return self._pick("clear")()
        finally:
            lock.mutex.release()
            if lock.due:
                lock.settle()

    return clear


_BINDINGS = {
    "push": _push,
    "extend": _extend,
    "sample": _sample,
    "update": _update,
    "delete": _delete,
    "clear": _clear,
}

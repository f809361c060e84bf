"""A buffer that stores nothing, and a call of each of its actions."""

from __future__ import annotations

from ding_buffer.core.actions import apply_middleware
from ding_buffer.core.buffer import Buffer


class Bare(Buffer):
    """A buffer that only notes what reaches it."""

    def __init__(self):
        super().__init__(9)
        self.reached = []
        self.outcome = "result"

    def note(self, action, *args, **kwargs):
        assert self._lock._is_owned()
        self.reached.append((action, args, kwargs))
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    @apply_middleware("push")
    def push(self, data, meta=None):
        return self.note("push", data, meta)

    @apply_middleware("extend")
    def extend(self, batch, meta=None):
        return self.note("extend", batch, meta)

    @apply_middleware("sample")
    def sample(self, size=None, **query):
        return self.note("sample", size, **query)

    @apply_middleware("update")
    def update(self, index, data=None, meta=None):
        return self.note("update", index, data, meta)

    @apply_middleware("delete")
    def delete(self, indices):
        return self.note("delete", indices)

    @apply_middleware("clear")
    def clear(self):
        return self.note("clear")

    def count(self):
        return 0

    def get(self, position):
        raise IndexError(position)

    def save_data(self, path):
        raise NotImplementedError

    def load_data(self, path):
        raise NotImplementedError


ACTS = {
    "push": lambda buffer: buffer.push(1),
    "extend": lambda buffer: buffer.extend([1]),
    "sample": lambda buffer: buffer.sample(1),
    "update": lambda buffer: buffer.update("x"),
    "delete": lambda buffer: buffer.delete("x"),
    "clear": lambda buffer: buffer.clear(),
}

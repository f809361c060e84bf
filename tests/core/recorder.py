"""A layer that notes what passes through it."""

from __future__ import annotations

from ding_buffer.core.chain import Middleware


class Recorder(Middleware):
    """Notes the calls of every action."""

    def __init__(self):
        self.calls = []

    def push(self, chain, data, meta=None):
        return self.note(chain, "push", data, meta=meta)

    def extend(self, chain, batch, meta=None):
        return self.note(chain, "extend", batch, meta=meta)

    def sample(self, chain, size=None, **query):
        return self.note(chain, "sample", size=size, **query)

    def update(self, chain, index, data=None, meta=None):
        return self.note(chain, "update", index, data=data, meta=meta)

    def delete(self, chain, indices):
        return self.note(chain, "delete", indices)

    def clear(self, chain):
        return self.note(chain, "clear")

    def note(self, chain, action, *args, **kwargs):
        self.calls.append((action, args, kwargs))
        return chain(*args, **kwargs)

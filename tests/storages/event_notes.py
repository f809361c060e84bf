"""A layer that notes what a store tells."""

from __future__ import annotations

from ding_buffer.core.chain import Middleware


class Notes(Middleware):
    """Writes down every event."""

    def __init__(self):
        self.heard = []

    def on_filled(self, slots):
        self.heard.append(("filled", list(slots)))

    def on_evicted(self, slots):
        self.heard.append(("evicted", list(slots)))

    def on_deleted(self, slots):
        self.heard.append(("deleted", list(slots)))

    def on_updated(self, slots):
        self.heard.append(("updated", list(slots)))

    def on_cleared(self):
        self.heard.append("cleared")

    def on_loaded(self):
        self.heard.append("loaded")

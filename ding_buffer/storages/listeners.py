"""The layers that want to know what happens to items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from ding_buffer.core.chain import HOOKS, Middleware, may_hear_late


class Listeners:
    """Calls each layer's hooks, and only those it overrides; true while there is a layer with any."""

    def __init__(self) -> None:
        self._layers: list[Middleware] = []
        self._dismissed: deque[Middleware] = deque()
        self._calls: dict[str, tuple[Callable[..., None], ...]] = {}
        self.late = True
        """Whether all of them may hear late of what was pushed."""
        self.at_once: str | None = None
        """The meta key that they must hear of at once all the same."""
        self._arrange()

    def __bool__(self) -> bool:
        return bool(self._layers)

    def attach(self, layer: Middleware) -> None:
        """Lets a layer hear of every event it follows from now on."""
        self._arrange()  # a layer that comes back from a dropped view has its dismissal still waiting
        if any(_follows(layer, event) for event in HOOKS):
            self._layers.append(layer)
            self._arrange()

    def dismiss(self, layer: Middleware) -> None:
        """Lets a layer hear of no more events.

        Takes effect with the next event: it is called when a view is collected, at any moment, in any thread,
        and must not wait for a lock.
        """
        self._dismissed.append(layer)

    def tell(self, event: str, *what: Any) -> bool:
        """Tells whoever follows the event; returns whether somebody dismissed is left out from now on."""
        rearranged = bool(self._dismissed)
        if rearranged:
            self._arrange()
        for call in self._calls[event]:
            call(*what)
        return rearranged

    def mended(self) -> None:
        """Tells every layer that a change was broken off, also when one of them raises."""
        self._arrange()
        _call(iter([layer.on_mended for layer in self._layers]))

    def count(self, event: str) -> int:
        """Returns how many layers follow an event."""
        return len(self._calls[event])

    def _arrange(self) -> None:
        while self._dismissed:
            gone = self._dismissed.popleft()
            self._layers = [layer for layer in self._layers if layer is not gone]
        for event in HOOKS:
            following = [layer for layer in self._layers if _follows(layer, event)]
            self._calls[event] = tuple(getattr(layer, event) for layer in following)
        keys = {layer.hears_at_once for layer in self._layers if layer.hears_at_once is not None}
        self.at_once = min(keys, default=None)
        patient = all(map(may_hear_late, self._layers)) and not self._calls["on_removing"]
        self.late = patient and len(keys) < 2  # a push is looked at for one key


def _call(calls: Iterator[Callable[[], object]]) -> None:
    try:
        for call in calls:
            call()
    except BaseException:
        _call(calls)  # those that are left
        raise


def _follows(layer: Middleware, event: str) -> bool:
    return getattr(type(layer), event) is not getattr(Middleware, event)

"""What a chain of layers is made of and where its time goes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any

from ding_buffer.core.chain import ACTIONS, Chain, Layer, Middleware, compose, layer_name, overrides
from ding_buffer.kernels.chosen import kernel_info

EVERY = 61
"""One call in so many goes through the timed chain: seldom enough to cost nothing, often enough to tell.

A prime: with calls that come in turn, push and sample, an even number would only ever meet one of them.
"""


class Stopwatch:
    """Nanoseconds spent in each layer of one chain, the store last, without what lies further in."""

    def __init__(self, names: Sequence[str]) -> None:
        self.spent = [0] * (len(names) + 1)

    def compose(self, layers: Sequence[Layer], places: Sequence[int], action: str, base: Chain) -> Chain:
        """Folds like ``compose``, with a clock at each joint.

        ``places`` are the layers' positions in the whole chain.
        """
        chain = self._timed(base, len(self.spent) - 1)
        for layer, place in zip(reversed(layers), reversed(places), strict=True):
            chain = self._timed(compose([layer], action, chain), place)
        return chain

    def shares(self) -> list[float] | None:
        """Returns each layer's fraction of the measured time, or None while nothing was measured."""
        whole = sum(self.spent)
        return [part / whole for part in self.spent] if whole else None

    def _timed(self, call: Chain, place: int) -> Chain:
        spent = self.spent

        def timed(*args: Any, **kwargs: Any) -> Any:
            before, start = sum(spent), perf_counter_ns()
            try:
                return call(*args, **kwargs)
            finally:
                # What the layers further in have booked meanwhile is theirs.
                spent[place] += perf_counter_ns() - start - (sum(spent) - before)

        return timed


class Explanation(str):
    """A text that shows itself as it is, in a terminal and in a notebook alike."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    @classmethod
    def of(cls, buffer: Any, stopwatch: Stopwatch) -> Explanation:
        """Describes a buffer: one line a layer, outermost first, the store, and which kernels run."""
        shares = stopwatch.shares()
        rows = [(layer_name(layer), _first_line(layer), _wrapped(layer)) for layer in buffer._middleware]
        rows.append((_store_name(buffer), f"{len(buffer):,} of {buffer.size:,} items", "all actions"))
        width = max(len(name) for name, _, _ in rows)
        lines = [f"{type(buffer).__name__}: a call goes down this list and comes back up"]
        for place, (name, what, actions) in enumerate(rows):
            share = "" if shares is None else f"{shares[place]:6.1%}  "
            lines.append(f"  {share}{name:<{width}}  {what}  [{actions}]")
        if shares is None and len(rows) > 1:
            lines.append(f"  (shares of the time appear after {EVERY} calls)")
        merged: dict[str, int] = getattr(buffer, "_merged", {})
        if merged:
            told = " and ".join(f"{action} (the last {count})" for action, count in merged.items())
            lines.append(
                f"  (in one call with the store where it is plain: {told}; shares are of the other calls)"
            )
        lines.append(_kernels())
        return cls("\n".join(lines))


def _first_line(layer: Layer) -> str:
    text = inspect.getdoc(layer if inspect.isroutine(layer) else type(layer))
    if not text or text == inspect.getdoc(Middleware):  # a class without one inherits it
        return "no description"
    return text.strip().splitlines()[0]


def _wrapped(layer: Layer) -> str:
    return ", ".join(action for action in ACTIONS if overrides(layer, action)) or "events only"


def _store_name(buffer: Any) -> str:
    storage: Callable[[], Any] | None = getattr(buffer.store, "storage", None)
    return type(storage).__name__ if storage is not None else "store"


def _kernels() -> str:
    info = kernel_info()
    return f"kernels: {info['name']} ({info.get('vectors', info['why'])})"

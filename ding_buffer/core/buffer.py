"""The buffer as its layers and its users know it, wherever items lie."""

from __future__ import annotations

import copy
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from ding_buffer.core.batch import meta_rows, payloads_of
from ding_buffer.core.chain import (
    ACTIONS,
    Chain,
    Layer,
    Middleware,
    check_order,
    compose,
    flatten,
    layer_name,
    overrides,
)
from ding_buffer.core.errors import BadArgument, ChainError
from ding_buffer.core.explain import EVERY, Explanation, Stopwatch
from ding_buffer.core.lock import FairLock

Self = TypeVar("Self", bound="Buffer")


class Buffer(ABC):
    """Base of every buffer: five actions that layers can wrap, and the chain of layers itself.

    A subclass implements the abstract methods and decorates the actions with ``apply_middleware``. ``store``
    is what the layers with state stand on; a buffer without one takes layers that only look at what passes
    through.
    """

    store: Any = None

    def __init__(self, size: int) -> None:
        self.size = size
        self._lock = FairLock()
        self._middleware: list[Layer] = []
        self._fold()

    @abstractmethod
    def push(self, data: Any, meta: dict[str, Any] | None = None) -> Any:
        """Stores one item."""

    @abstractmethod
    def sample(self, size: int | None = None, **query: Any) -> Any:
        """Draws a batch."""

    @abstractmethod
    def update(self, index: Any, data: Any = None, meta: Any = None) -> Any:
        """Changes one item or many."""

    @abstractmethod
    def delete(self, indices: Any) -> Any:
        """Removes items."""

    @abstractmethod
    def clear(self) -> None:
        """Removes everything."""

    @abstractmethod
    def count(self) -> int:
        """Returns how many items are held."""

    @abstractmethod
    def get(self, position: int) -> Any:
        """Returns the item at a position counted from the oldest."""

    @abstractmethod
    def save_data(self, path: Any) -> None:
        """Writes the content to a file."""

    @abstractmethod
    def load_data(self, path: Any) -> None:
        """Replaces the content by that of a file."""

    def extend(self, batch: Any, meta: Any = None) -> Any:
        """Stores many items: one by one, unless a subclass knows better."""
        if isinstance(batch, Iterator):  # a layer may look twice
            batch = list(batch)
        with self._lock:
            return self._chains["extend"](batch, meta=meta)

    def use(self: Self, *layers: Any) -> Self:
        """Adds layers inside those already there and returns the buffer.

        A layer is a ``Middleware``, any callable ``(action, chain, *args, **kwargs)``, or a list of layers.
        Raises ``ChainError`` where the order makes no sense or a layer refuses to bind, ``BadArgument`` for
        what is no layer; then nothing is added.
        """
        added = flatten(layers)
        with self._lock:
            check_order([*self._middleware, *added])
            owned = [layer for layer in added if isinstance(layer, Middleware)]
            for place, layer in enumerate(owned):
                layer.check_home(self)
                if any(layer is other for other in owned[:place]):
                    raise ChainError(
                        f"{layer_name(layer)} is given twice. Make a second one: each has a state."
                    )
            for layer in owned:
                layer.bind(self)
            self._adopt(owned)
            self._middleware = [*self._middleware, *added]
            self._fold()
        return self

    @property
    def takes(self) -> frozenset[str]:
        """Keywords of ``sample`` that the layers here take, beside those of the buffer itself."""
        return frozenset(key for layer in self._middleware for key in getattr(layer, "takes", ()))

    @property
    def needs(self) -> frozenset[str]:
        """Meta keys that the layers here need of every pushed item."""
        return frozenset(key for layer in self._middleware for key in getattr(layer, "needs", ()))

    def view(self: Self) -> Self:
        """Returns another handle on the same items that starts without layers."""
        raise BadArgument(f"{type(self).__name__} has no views.")

    def explain(self) -> str:
        """Returns the chain in words, outermost first, with each layer's share of the time.

        The shares are measured on some of the calls, one in about 60.
        """
        with self._lock:
            return Explanation.of(self, self._stopwatch)

    def _adopt(self, layers: Iterable[Middleware]) -> None:
        """Makes accepted layers belong to this buffer, and its store tell them what happens."""
        for layer in layers:
            layer._home = weakref.ref(self)
            if self.store is not None:
                self.store.attach(layer)
                # A view that is dropped takes its layers along; the store must not keep them.
                weakref.finalize(self, self.store.dismiss, layer).atexit = False

    def _fold(self) -> None:
        """Composes each action's chain once; an action that no layer wraps has none."""
        self._calls = 0
        self._stopwatch = Stopwatch([layer_name(layer) for layer in self._middleware])
        self._chains: dict[str, Chain] = {}
        self._timed: dict[str, Chain] = {}
        self._bases: dict[str, Chain | None] = {}  # of the actions that have a chain
        self._merged: dict[str, int] = {}  # how many layers one call does together with the store
        # A layer is never bypassed: where one wraps push and not extend, many are pushed one by one.
        whole = all(overrides(layer, "extend") for layer in self._middleware if overrides(layer, "push"))
        for action in ACTIONS:
            base = found = _carried_out_by(type(self), action)
            places = [place for place, layer in enumerate(self._middleware) if overrides(layer, action)]
            if action == "extend" and (base is None or not whole):
                base = type(self)._extend_one_by_one
                places = [place for place in places if not overrides(self._middleware[place], "push")]
            layers = [self._middleware[place] for place in places]
            plain = None if base is None else partial(base, self)
            outer, inner = (layers, plain) if plain is None else self._shortened(action, layers, plain)
            wrapped = bool(layers) or base is not found or inner is not plain
            self._bases[action] = found if wrapped else None
            if len(outer) < len(layers):
                self._merged[action] = len(layers) - len(outer)
            if wrapped and plain is not None and inner is not None:
                self._chains[action] = compose(outer, action, inner)
                base = plain if layers else inner
                self._timed[action] = self._stopwatch.compose(layers, places, action, base)
        self.quicken()

    def _shortened(self, action: str, layers: Sequence[Layer], base: Chain) -> tuple[Sequence[Layer], Chain]:
        """Returns the layers to fold and what to fold them around, where a subclass has a shorter way."""
        return layers, base

    def quicken(self) -> None:
        """Called when the chain has changed, for a subclass that has a shorter way round an empty one."""

    def _extend_one_by_one(self, batch: Any, meta: Any = None) -> list[Any]:
        payloads = payloads_of(batch)
        rows = meta_rows(meta, len(payloads))
        return [self.push(data, meta=row) for data, row in zip(payloads, rows, strict=True)]

    def __copy__(self: Self) -> Self:
        """Is a view: a layer belongs to one buffer, so two cannot share a chain."""
        return self.view()

    def __deepcopy__(self: Self, memo: dict[int, Any]) -> Self:
        """Copies items and layers.

        A layer that is a plain function is shared, with whatever it closes over.
        """
        with self._lock:
            made = memo[id(self)] = object.__new__(type(self))
            made.__setstate__(copy.deepcopy(self.__getstate__(), memo))
            return made

    def __getstate__(self) -> dict[str, Any]:
        folded = ("_lock", "_chains", "_timed", "_bases", "_merged", "_stopwatch", "_calls")
        return {key: value for key, value in self.__dict__.items() if key not in folded}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = FairLock() if self.store is None else self.store.lock
        self._adopt(layer for layer in self._middleware if isinstance(layer, Middleware))
        self._fold()

    def _pick(self, action: str) -> Chain:
        self._calls += 1
        return (self._chains if self._calls % EVERY else self._timed)[action]

    def __len__(self) -> int:
        return self.count()

    def __bool__(self) -> bool:
        """Is always true.

        ``if buffer`` asks whether there is one, ``len(buffer)`` whether it holds anything.
        """
        return True

    def __getitem__(self, position: int) -> Any:
        return self.get(position)


def _carried_out_by(kind: type, action: str) -> Chain | None:
    """Returns the innermost part of an action: what the most derived decorated method carries out.

    Such a method that calls its decorated ``super()`` goes through the layers once: ``super()`` is not this.
    """
    found = (getattr(vars(one).get(action), "_base", None) for one in kind.__mro__)
    return next((base for base in found if base is not None), None)

"""Layers around the actions of a buffer: what one is, how many become one call."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Protocol

from ding_buffer.core.errors import BadArgument, ChainError
from ding_buffer.core.quick_parts import PushParts, SampleParts, UpdateParts

Chain = Callable[..., Any]
Layer = Callable[..., Any]

HOOKS = (
    *("on_filled", "on_removing", "on_evicted", "on_deleted"),
    *("on_updated", "on_cleared", "on_loaded"),
)
"""The events of a store that a layer can follow."""
ACTIONS = ("push", "extend", "sample", "update", "delete", "clear")


class Home(Protocol):
    """What a layer knows of the buffer it works for."""

    size: int
    store: Any

    def push(self, data: Any, meta: dict[str, Any] | None = None) -> Any:
        """Stores one item, through all layers."""

    def sample(self, size: int | None = None, **query: Any) -> Any:
        """Draws a batch, through all layers."""

    def update(self, index: Any, data: Any = None, meta: Any = None) -> Any:
        """Changes items, through all layers."""

    def delete(self, indices: Any) -> Any:
        """Removes items, through all layers."""

    def get(self, position: int) -> Any:
        """Returns the item at a position counted from the oldest."""

    def __len__(self) -> int: ...

    def __getitem__(self, position: int) -> Any: ...


class Middleware:
    """A layer. Override the actions to change and leave the rest.

    An action that is not overridden costs nothing.

    Each action receives the rest of the chain and the arguments in one form, however the caller spelled them.
    Call ``chain`` with what the next layer shall see and return what the caller shall get; not calling it
    refuses the action. The ``on_`` hooks are called by the store, under its lock, whoever caused the event
    and through whichever view; they must not raise.
    """

    name: ClassVar[str] = ""
    """What messages call the layer; the class name where empty."""
    inside: ClassVar[Mapping[str, str]] = {}
    """Layers that must be used before this one where both are present, each with the reason."""
    once: ClassVar[bool] = False
    """Whether a second one in the same chain is refused."""
    takes: ClassVar[tuple[str, ...]] = ()
    """Keywords of ``sample`` that this layer takes out of the query."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Keys that this layer needs in the meta of every pushed item."""
    hears_late: ClassVar[bool] = False
    """Whether ``on_filled`` and ``on_evicted`` may come late: for many pushes at once, when next somebody
    takes the buffer's lock, and with newer items in evicted slots already. Pushes cost a fraction then."""
    hears_at_once: ClassVar[str | None] = None
    """A meta key: of an item that has it such a layer hears at once all the same."""

    _home: weakref.ref[Home] | None = None
    _made_for: weakref.ref[Home] | None = None

    def made_for(self, buffer: Home | None) -> None:
        """Remembers the buffer named in the constructor, so that ``use`` can tell a mix-up."""
        self._made_for = weakref.ref(buffer) if buffer is not None else None

    def __call__(self, action: str, chain: Chain, *args: Any, **kwargs: Any) -> Any:
        """Runs one action: the function protocol, so an instance can be used wherever a function can."""
        return getattr(self, action)(chain, *args, **kwargs) if action in ACTIONS else chain(*args, **kwargs)

    def push(self, chain: Chain, data: Any, meta: dict[str, Any] | None = None) -> Any:
        """Stores one item."""
        return chain(data, meta=meta)

    def extend(self, chain: Chain, batch: Sequence[Any], meta: Any = None) -> Any:
        """Stores many items."""
        return chain(batch, meta=meta)

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Draws a batch."""
        return chain(size=size, **query)

    def update(self, chain: Chain, index: Any, data: Any = None, meta: Any = None) -> Any:
        """Replaces the payload or the meta of one item or many."""
        return chain(index, data=data, meta=meta)

    def delete(self, chain: Chain, indices: Any) -> Any:
        """Removes items."""
        return chain(indices)

    def clear(self, chain: Chain) -> Any:
        """Removes everything."""
        return chain()

    def bind(self, buffer: Home) -> None:
        """Called once by ``use`` before the layer joins the chain.

        Take existing items in, or raise ``ChainError`` to refuse.
        """

    def on_filled(self, slots: Sequence[int]) -> None:
        """Items were stored in these slots."""

    def on_removing(self, slots: Sequence[int]) -> None:
        """The items of these slots are about to go, and are whole still: payload, meta, index, and place.

        ``on_evicted``, ``on_deleted``, ``on_cleared`` or ``on_loaded`` follows and says why they went. Where
        none does they have stayed: a load was refused.
        """

    def on_evicted(self, slots: Sequence[int]) -> None:
        """These slots are about to be overwritten by newer items: the buffer was full."""

    def on_deleted(self, slots: Sequence[int]) -> None:
        """The items of these slots were deleted."""

    def on_updated(self, slots: Sequence[int]) -> None:
        """Payload or meta of these slots changed through ``update``."""

    def on_cleared(self) -> None:
        """The store was emptied."""

    def on_loaded(self) -> None:
        """The whole content of the store was replaced."""

    def on_mended(self) -> None:
        """A change was broken off, by Ctrl-C or an error, perhaps between what this layer was told.

        What lies in the store now holds: bring whatever is kept by slot in step with it. Items that are
        there were there before, in the same slots.
        """
        self.on_loaded()

    def quick_push(self, parts: PushParts) -> bool:
        """Writes down what ``push`` does to a plain push, so that one call can do it.

        False, and nothing written: it cannot be said in ``parts``. Never needed, only faster. Said in the
        class that has ``extend`` too, it says that ``extend`` does the same to each item of columns.
        """
        return False

    def quick_sample(self, parts: SampleParts) -> bool:
        """Writes down what ``sample`` does to a plain sample of columns; as ``quick_push``."""
        return False

    def quick_update(self, parts: UpdateParts) -> bool:
        """Writes down what ``update`` does to new numbers for a batch; as ``quick_push``."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Returns what the layer must remember; empty for a layer without state."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes a state back; called after ``on_loaded``, only with a state of a layer of this name."""

    def stats(self) -> dict[str, Any]:
        """Returns what ``buffer.stats()`` shows of this layer."""
        return {}

    @property
    def buffer(self) -> Home:
        """The buffer the layer is bound to, held weakly so that a dropped view can go."""
        home = self._home() if self._home is not None else None
        if home is None:
            raise ChainError(f"{layer_name(self)} is not bound to a buffer: pass it to buffer.use() first.")
        return home

    def __getstate__(self) -> dict[str, Any]:
        """A copy of a layer belongs to no buffer until one takes it."""
        return {key: value for key, value in self.__dict__.items() if key not in ("_home", "_made_for")}

    def check_home(self, buffer: Home) -> None:
        """Raises ``ChainError`` if the layer belongs elsewhere, or needs a store and ``buffer`` has none."""
        named = self._made_for() if self._made_for is not None else None
        if named is not None and named.store is not buffer.store:
            raise ChainError(
                f"{layer_name(self)} was made for another buffer. Leave the argument out or name this one."
            )
        if self._home is not None and self._home() is not None:
            raise ChainError(
                f"{layer_name(self)} is in use already. Make a new one: its state belongs to one chain."
            )
        if buffer.store is None and any(
            getattr(type(self), hook) is not getattr(Middleware, hook) for hook in HOOKS
        ):
            raise ChainError(
                f"{layer_name(self)} follows what happens to items; {type(buffer).__name__} does not tell."
            )


def layer_name(layer: Layer) -> str:
    """Returns what messages call a layer."""
    if isinstance(layer, Middleware):
        return type(layer).name or type(layer).__name__
    name = getattr(layer, "__qualname__", type(layer).__name__)
    return name.split(".<locals>")[0] if isinstance(name, str) else type(layer).__name__


def overrides(layer: Layer, action: str) -> bool:
    """Tells whether a layer takes part in an action.

    A plain function takes part in all it can know: it was written for the five actions, so ``extend`` reaches
    it as many pushes.
    """
    if not isinstance(layer, Middleware) or type(layer).__call__ is not Middleware.__call__:
        return action != "extend"
    return getattr(type(layer), action) is not getattr(Middleware, action)


def can_say(layer: Layer, action: str) -> bool:
    """Tells whether what a layer says of an action (``quick_push`` ...) is about the method it has.

    A subclass that overrides the method and not the words is not bypassed.
    """
    if not isinstance(layer, Middleware) or type(layer).__call__ is not Middleware.__call__:
        return False
    return f"quick_{action}" in vars(_owner(type(layer), action))


def speaks_for_many(layer: Layer) -> bool:
    """Tells whether what a layer says of ``push`` is about its ``extend`` too, or it has neither.

    One class has all three then: a subclass that overrides any of them speaks for itself.
    """
    if not (overrides(layer, "push") or overrides(layer, "extend")):
        return True
    owners = {_owner(type(layer), name) for name in ("push", "extend", "quick_push")}
    return isinstance(layer, Middleware) and len(owners) == 1


def may_hear_late(layer: Middleware) -> bool:
    """Tells whether what a layer says of ``hears_late`` is about the hooks it has."""
    kind = type(layer)
    said = _owner(kind, "hears_late")
    return kind.hears_late and all(
        issubclass(said, _owner(kind, hook)) for hook in ("on_filled", "on_evicted")
    )


def _owner(kind: type, name: str) -> type:
    """Returns the class that a type has something from."""
    return next(one for one in kind.__mro__ if name in vars(one))


def compose(layers: Iterable[Layer], action: str, base: Chain) -> Chain:
    """Folds the layers that take part in ``action`` around ``base`` into one callable.

    The first layer is outermost.
    """
    chain = base
    for layer in reversed(list(layers)):
        if overrides(layer, action):
            own = isinstance(layer, Middleware) and type(layer).__call__ is Middleware.__call__
            chain = partial(getattr(layer, action), chain) if own else partial(layer, action, chain)
    return chain


def flatten(layers: Iterable[Any]) -> list[Layer]:
    """Opens nested lists of layers: a list of middleware is a middleware."""
    flat: list[Layer] = []
    for layer in layers:
        if isinstance(layer, (list, tuple)):
            flat += flatten(layer)
        elif isinstance(layer, type) or not callable(layer):
            raise BadArgument(
                f"use() takes middleware, got {layer!r}."
                + (f" That is a class: write use({layer.__name__}(...))." if isinstance(layer, type) else "")
            )
        else:
            flat.append(layer)
    return flat


def check_order(layers: Sequence[Layer]) -> None:
    """Raises ``ChainError`` where a layer stands outside one it must be inside of, or wrongly twice."""
    names = [layer_name(layer) for layer in layers]
    for place, layer in enumerate(layers):
        if not isinstance(layer, Middleware):
            continue
        if layer.once and names[place] in names[:place]:
            raise ChainError(
                f"{names[place]} is in the chain twice. Use it once: its two states would disagree."
            )
        for later in names[place + 1 :]:
            if later in layer.inside:
                raise ChainError(
                    f"{names[place]} was used before {later}: {layer.inside[later]}. "
                    f"Use {later} first: buffer.use({later}(...)).use({names[place]}(...))"
                )

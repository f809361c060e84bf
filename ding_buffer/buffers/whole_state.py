"""The state of a buffer, layers included: taken whole, and put back whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ding_buffer.core.chain import Layer, Middleware, layer_name
from ding_buffer.core.errors import CorruptSnapshot, SchemaError
from ding_buffer.storages.mending import insist
from ding_buffer.storages.store import Store


def take_state(store: Store, layers: Sequence[Layer], copy: bool) -> dict[str, Any]:
    """Returns the states of a store and of its layers; with ``copy=False`` rows may show its memory."""
    # The items first: of shared ones some may prove to be gone.
    items = store.state_dict(copy)
    states = [
        {"name": layer_name(layer), "state": layer.state_dict()}
        for layer in layers
        if isinstance(layer, Middleware)
    ]
    return {"store": items, "layers": [entry for entry in states if entry["state"]]}


def put_state(store: Store, layers: Sequence[Layer], state: Mapping[str, Any]) -> None:
    """Replaces the content of a store and its layers, or leaves both as they were, also when broken off.

    Raises ``CorruptSnapshot`` where the state does not fit together, ``SchemaError`` where the storage does
    not take such items.
    """
    # Rows need no copy: the new ones come into other memory.
    before = take_state(store, layers, copy=False)
    noted = len(store.lock.pending)
    try:
        _put(store, layers, state)
    except BaseException as error:
        # Of what is wrong a store says so before it changes; only a layer may find fault when it is too late.
        if any(isinstance(one, Middleware) for one in layers) or not isinstance(
            error, (CorruptSnapshot, SchemaError)
        ):
            insist(lambda: _put(store, layers, before, announce=False))
            del store.lock.pending[noted:]  # nobody has left, whatever layers wanted to say
        raise


def _put(store: Store, layers: Sequence[Layer], state: Mapping[str, Any], announce: bool = True) -> None:
    try:
        items, entries = (
            state["store"],
            [(str(entry["name"]), entry["state"]) for entry in state["layers"]],
        )
    except (KeyError, TypeError) as error:
        raise CorruptSnapshot(f"This is not the state of a buffer: {error!r} is missing.") from error
    store.load_state_dict(items, announce)
    for layer in layers:
        for place, (name, saved) in enumerate(entries):
            if isinstance(layer, Middleware) and name == layer_name(layer):
                del entries[place]
                try:
                    layer.load_state_dict(saved)
                except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
                    raise CorruptSnapshot(f"The saved state of {name} does not fit: {error}.") from error
                break

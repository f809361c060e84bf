"""Plain samples and updates of columns in one call, for as many of the innermost layers as can say how."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from functools import partial
from typing import Any

from ding_buffer.buffers.selection import draw_plainly
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.chain import Chain, Layer, can_say, compose
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.core.quick_parts import SampleParts, UpdateParts
from ding_buffer.kernels.chosen import FastSample, FastUniform, FastUpdate
from ding_buffer.storages.store import Store
from ding_buffer.structures.later_serials import LaterSerials


def shorten(store: Store, action: str, layers: Sequence[Layer], base: Chain) -> tuple[Sequence[Layer], Chain]:
    """Returns the layers that are left to fold, and the chain they are folded around.

    That does what ``base`` and the innermost layers do: alike, with the same random numbers, several times as
    fast; what is not plain goes through the layers after all. Nothing is shortened without C kernels, nor on
    a storage whose rows cannot be read directly.
    """
    metas = getattr(store.storage, "quick_metas", None)
    if metas is None or FastSample is None:
        return layers, base
    if action == "sample":
        parts = SampleParts()
        outer, inner = _split(layers, action, parts)
        fast = FastSample(
            compose(inner, action, base) if layers else _weakly(base),
            store,
            store.storage,
            parts.choose or _uniform(store, parts),
            metas,
            (BufferedBatch, IndexColumn, LaterSerials),
            parts.uses,
            parts.limit,
            parts.worn,
            parts.weighs,
            parts.steps,
            parts.steps_last,
        )
        return outer, fast.sample
    if action == "update":
        told = UpdateParts()
        outer, inner = _split(layers, action, told)
        if told.key is not None:
            slow, types = compose(inner, action, base), (IndexColumn, LaterSerials)
            quick = FastUpdate(
                slow, store, told.follow, metas, types, told.key, told.intake, told.most, told.quiet
            )
            return outer, quick.update
    return layers, base


def _weakly(base: Chain) -> Chain:
    """Returns a chain that does not keep its buffer: without layers it is freed as soon as it is dropped."""
    function, owner = base.func, weakref.ref(base.args[0])  # type: ignore[attr-defined]  # a partial

    def call(*args: Any, **kwargs: Any) -> Any:
        return function(owner(), *args, **kwargs)

    return call


def _uniform(store: Store, parts: SampleParts) -> Any:
    """Returns what draws distinct slots; whoever follows steps has another order in which to fetch rows."""
    storage = store.storage if parts.steps is None else None
    return FastUniform(store, partial(draw_plainly, store), storage).choose


def _split(layers: Sequence[Layer], action: str, parts: Any) -> tuple[Sequence[Layer], Sequence[Layer]]:
    """Returns the layers without the innermost ones that can say in ``parts`` what they do, and those."""
    count = len(layers)
    while (
        count and can_say(layers[count - 1], action) and getattr(layers[count - 1], f"quick_{action}")(parts)
    ):
        count -= 1
    return layers[:count], layers[count:]

"""Independent copies of whatever a payload may be."""

from __future__ import annotations

import copy
import dataclasses
import sys
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any

import numpy as np

from ding_buffer.core.item import BufferedData

_IMMUTABLE = frozenset({type(None), bool, int, float, complex, str, bytes, range, type, type(Ellipsis)})


def clone(value: Any) -> Any:
    """Returns a deep copy that shares no mutable memory with ``value``.

    Containers keep their exact type: dict and list with their subclasses (``EasyDict``), tuples, named
    tuples, sets, dataclasses, tree tensors. A tensor keeps device, dtype and ``requires_grad`` and loses its
    graph. Anything unknown goes through ``copy.deepcopy``. References shared inside one value stay shared.
    """
    memo: dict[int, Any] = {}
    memo[id(memo)] = []
    return _clone(value, memo)


def _clone(value: Any, memo: dict[int, Any]) -> Any:
    kind = type(value)
    if kind in _IMMUTABLE or (isinstance(value, np.generic) and not isinstance(value, np.void)):
        return value
    if id(value) in memo:
        return memo[id(value)]
    made: Any
    if kind is np.ndarray and not value.dtype.hasobject:
        made = value.copy()
    elif kind is dict or (isinstance(value, dict) and not hasattr(kind, "__deepcopy__")):
        made = memo[id(value)] = {} if kind is dict else copy.copy(value)
        for key, part in value.items():
            made[key] = _clone(part, memo)
    elif kind is list:
        made = memo[id(value)] = []
        made.extend(_clone(part, memo) for part in value)
    elif kind is tuple or kind is set or kind is frozenset:
        made = kind(_clone(part, memo) for part in value)
    elif kind is BufferedData:
        made = BufferedData(_clone(value.data, memo), value.index, _clone(value.meta, memo))
    else:
        made = _clone_rare(value, kind, memo)
    memo[id(value)] = made
    # A tree makes its branches anew when asked, and one that is let go would leave its id to the next.
    # copy.deepcopy keeps what it has seen in the same place.
    memo[id(memo)].append(value)
    return made


def _clone_rare(value: Any, kind: Any, memo: dict[int, Any]) -> Any:
    if is_tensor(value):
        # Tensor.clone would tie the copy to the graph; deepcopy refuses a tensor that has one.
        if value.is_leaf:
            return copy.deepcopy(value, memo)
        return value.detach().clone().requires_grad_(value.requires_grad)
    if is_tree(value):
        return kind({key: _clone(part, memo) for key, part in value.items()})
    if hasattr(kind, "__deepcopy__"):
        return copy.deepcopy(value, memo)
    if isinstance(value, tuple) and hasattr(kind, "_make"):
        return kind._make(_clone(part, memo) for part in value)
    if dataclasses.is_dataclass(value):
        made = memo[id(value)] = copy.copy(value)
        named = [field.name for field in dataclasses.fields(value)]
        for name in dict.fromkeys([*named, *getattr(value, "__dict__", ())]):
            if hasattr(value, name):
                object.__setattr__(made, name, _clone(getattr(value, name), memo))
        return made
    return copy.deepcopy(value, memo)


def is_tensor(value: Any) -> bool:
    """Tells whether ``value`` is a torch tensor, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_tree(value: Any) -> bool:
    """Tells whether ``value`` is a tree value (a tree tensor, for one), without importing its library."""
    kind: Any = type(value)
    return is_tree_type(kind)


@lru_cache(maxsize=256)
def is_tree_type(kind: type) -> bool:
    """Tells whether a class is a tree value's."""
    return any(
        base.__name__ == "TreeValue" and base.__module__.startswith("treevalue.") for base in kind.__mro__
    )


def takes_entries(payload: Any) -> bool:
    """Tells whether a payload is a mapping or a tree, to which an entry can be added."""
    return type(payload) is dict or isinstance(payload, MutableMapping) or is_tree(payload)


def with_entry(payload: Any, key: str, value: Any) -> Any:
    """Returns a shallow copy of a mapping or tree payload that also holds ``key``.

    The payload itself is not touched.
    """
    if is_tree(payload):
        return type(payload)({**dict(payload.items()), key: value})
    made = payload.copy() if type(payload) is dict else copy.copy(payload)
    made[key] = value
    return made


def without_entry(payload: Any, key: str) -> Any:
    """Returns a shallow copy of a mapping or tree payload that lacks ``key``.

    The payload itself is not touched.
    """
    if is_tree(payload):
        return type(payload)({name: part for name, part in payload.items() if name != key})
    made = copy.copy(payload)
    del made[key]
    return made

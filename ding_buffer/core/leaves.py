"""The leaves of nested containers, reached without knowing what the containers mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ding_buffer.core.copies import is_tree


def map_leaves(function: Callable[..., Any], value: Any, *others: Any) -> Any:
    """Returns ``value`` with ``function`` applied to each leaf.

    Dicts, lists, tuples, named tuples and dataclasses keep their type; a tree, or a mapping that is no dict,
    becomes a dict. Constructors of dataclasses are not run. ``others`` have the same structure; their leaves
    are handed over too. Whatever is no container is a leaf.
    """
    if isinstance(value, np.ndarray):  # mostly so
        return function(value, *others)
    if type(value) is dict and not others:
        return {key: map_leaves(function, part) for key, part in value.items()}
    if isinstance(value, Mapping) or is_tree(value):
        parts = {
            key: map_leaves(function, part, *[other[key] for other in others]) for key, part in value.items()
        }
        return type(value)(parts) if isinstance(value, dict) and type(value) is not dict else parts
    if type(value) in (list, tuple) or (isinstance(value, tuple) and hasattr(value, "_make")):
        made = [map_leaves(function, *parts) for parts in zip(value, *others, strict=True)]
        return type(value)._make(made) if hasattr(value, "_make") else type(value)(made)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind: Any = type(value)
        copy: Any = object.__new__(kind)
        for field in dataclasses.fields(value):
            held = [getattr(one, field.name) for one in (value, *others)]
            object.__setattr__(copy, field.name, map_leaves(function, *held))
        return copy
    return function(value, *others)


def leaves_of(value: Any) -> Iterator[Any]:
    """Yields the leaves in the order ``map_leaves`` visits them."""
    found: list[Any] = []
    map_leaves(found.append, value)
    return iter(found)

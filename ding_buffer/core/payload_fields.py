"""Reads and replaces fields of a transition, whatever carries them.

A transition may be a mapping (``dict``, ``EasyDict``), a tree tensor, a named tuple, a dataclass or any
object with attributes.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from ding_buffer.core.copies import is_tensor, is_tree, without_entry
from ding_buffer.core.errors import BadArgument, MissingPayloadField


def has_field(payload: Any, name: str) -> bool:
    """Tells whether the transition carries ``name``."""
    if isinstance(payload, Mapping) or is_tree(payload):
        return name in payload
    return hasattr(payload, name)


def field_of(payload: Any, name: str) -> Any:
    """Returns one field; raises ``MissingPayloadField`` naming it."""
    if not has_field(payload, name):
        raise MissingPayloadField(f"a transition of type {type(payload).__name__} has no field {name!r}")
    return payload[name] if isinstance(payload, Mapping) else getattr(payload, name)


def fields_of(payloads: Sequence[Any], name: str) -> list[Any]:
    """Returns one field of each payload; raises ``MissingPayloadField`` naming it."""
    if _are_dicts(payloads):
        try:
            return [payload[name] for payload in payloads]
        except KeyError:
            pass
    return [field_of(payload, name) for payload in payloads]


def fields_found(payloads: Sequence[Any], name: str) -> list[Any]:
    """Returns one field of each payload, None where it is absent."""
    if _are_dicts(payloads):
        try:
            return [payload[name] for payload in payloads]
        except KeyError:
            return [payload.get(name) for payload in payloads]
    return [field_of(payload, name) if has_field(payload, name) else None for payload in payloads]


def _are_dicts(payloads: Sequence[Any]) -> bool:
    return all(issubclass(kind, dict) for kind in set(map(type, payloads)))


def flag_of(payload: Any, name: str) -> bool:
    """Returns a field (a bool, a number, an array of one element) as a bool; an absent one is False."""
    return has_field(payload, name) and bool(field_of(payload, name))


def with_fields(payload: Any, **fields: Any) -> Any:
    """Returns a shallow copy that holds ``fields`` too; the payload itself is not touched.

    Raises ``BadArgument`` if the type has no room for a field.
    """
    if type(payload) is dict:
        return {**payload, **fields}
    if is_tree(payload):
        return type(payload)({**dict(payload.items()), **fields})
    if isinstance(payload, Mapping):
        made: Any = copy.copy(payload) if isinstance(payload, MutableMapping) else dict(payload)
        for name, value in fields.items():
            made[name] = value
        return made
    try:
        if isinstance(payload, tuple) and hasattr(payload, "_replace"):
            return payload._replace(**fields)
        made = copy.copy(payload)
        # A frozen dataclass may be written as long as nobody else has seen it.
        put = object.__setattr__ if dataclasses.is_dataclass(made) else setattr
        for name, value in fields.items():
            put(made, name, value)
    except (AttributeError, TypeError, ValueError) as error:
        kind = type(payload).__name__
        raise BadArgument(
            f"a transition of type {kind} cannot take the fields {sorted(fields)}: {error}; use a dict"
        ) from error
    return made


def without_field(payload: Any, name: str) -> Any:
    """Returns a shallow copy of a mapping or tree that lacks ``name``; any other payload as it is."""
    if not isinstance(payload, Mapping) and not is_tree(payload):
        return payload
    immutable = isinstance(payload, Mapping) and not isinstance(payload, MutableMapping)
    return without_entry(dict(payload) if immutable else payload, name)


def filled_like(value: Any, number: int) -> Any:
    """Returns ``number`` in the type, dtype, shape and device of ``value``.

    ``value`` is a tensor, an array, a numpy scalar, a number, or a list or tuple of these.
    """
    if is_tensor(value):
        return value.new_full(tuple(value.shape), number)
    if isinstance(value, np.ndarray):
        return np.full_like(value, number)
    if isinstance(value, (list, tuple)):
        return type(value)(filled_like(part, number) for part in value)
    if isinstance(value, (bool, int, float, np.generic)):
        return type(value)(number)
    raise BadArgument(
        f"cannot write {number} in the form of a {type(value).__name__}; expected a tensor, array or number"
    )


def plain_scalar(value: Any) -> Any:
    """Returns the Python value of a tensor or array of one element; anything else as it is."""
    return value.item() if hasattr(value, "item") else value

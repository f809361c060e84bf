"""Any payload as a description of its structure and a flat list of leaves, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from easydict import EasyDict

from ding_buffer.core.class_path import class_at, findable_path, path_of
from ding_buffer.core.copies import is_tensor, is_tree, is_tree_type
from ding_buffer.core.errors import BadArgument, CorruptSnapshot
from ding_buffer.storages.row_pieces import RowPieces

Description = Any
"""A leaf kind (str), or a tuple of a container kind and what it holds.

Hashable, and JSON once tuples are lists.
"""

LONG = 64
"""A list longer than this is no part of the structure: it is a leaf, a table of its own."""

_ATOMS = {bool: "bool", int: "int", float: "float", str: "str"}
_KEYS = frozenset({*_ATOMS, type(None)})
_SEQUENCES: dict[Any, str] = {list: "list", tuple: "tuple", set: "set", frozenset: "frozenset"}
_SEQUENCE_OF = {kind: made for made, kind in _SEQUENCES.items()}
_CUSTOM: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {}


def register_payload(kind: type, to_plain: Callable[[Any], Any], from_plain: Callable[[Any], Any]) -> None:
    """Makes objects of one class fit for ``save_data``.

    ``to_plain`` gives what is written, ``from_plain`` the object back.
    """
    _CUSTOM[path_of(kind)] = (kind, to_plain, from_plain)


def flatten(value: Any, leaves: list[Any]) -> Description:
    """Returns the structure of ``value`` and appends its leaves.

    Raises ``BadArgument`` for what cannot be written safely.
    """
    kind = type(value)
    if value is None:
        return "none"
    if kind in _ATOMS:
        leaves.append(value)
        return _ATOMS[kind]
    if kind is dict:
        return ("dict", _keys(value), tuple([flatten(part, leaves) for part in value.values()]))
    if kind is np.ndarray and not value.dtype.hasobject:
        leaves.append(value)
        return ("array", _dtype_name(value.dtype), value.shape)
    if kind in _SEQUENCES:
        if len(value) > LONG and kind in (list, tuple):
            leaves.append(value)
            return ("table", _SEQUENCES[kind])
        return (_SEQUENCES[kind], tuple([flatten(part, leaves) for part in value]))
    if isinstance(value, np.generic) and not value.dtype.hasobject:
        leaves.append(value)
        return ("scalar", _dtype_name(value.dtype))
    return _flatten_rare(value, kind, leaves)


@lru_cache(maxsize=256)
def _dtype_name(dtype: np.dtype[Any]) -> str:
    return str(dtype)  # which numpy composes anew each time, slowly


def _flatten_rare(value: Any, kind: Any, leaves: list[Any]) -> Description:
    if path_of(kind) in _CUSTOM:
        return ("custom", path_of(kind), flatten(_CUSTOM[path_of(kind)][1](value), leaves))
    if is_tensor(value):
        dtype = str(value.dtype).removeprefix("torch.")
        leaves.append(value)
        return ("tensor", dtype, tuple(value.shape), bool(value.requires_grad))
    if is_tree(value):
        return (
            "tree",
            findable_path(kind),
            _keys(dict(value.items())),
            tuple([flatten(part, leaves) for _, part in value.items()]),
        )
    if kind is EasyDict:
        return ("easydict", _keys(value), tuple([flatten(part, leaves) for part in value.values()]))
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return ("namedtuple", findable_path(kind), tuple([flatten(part, leaves) for part in value]))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = tuple(field.name for field in dataclasses.fields(value) if hasattr(value, field.name))
        return (
            "dataclass",
            findable_path(kind),
            names,
            tuple([flatten(getattr(value, name), leaves) for name in names]),
        )
    if kind is bytes:
        leaves.append(value.hex())
        return ("bytes", "str")
    if kind is complex:
        leaves.append(np.complex128(value))
        return ("complex", "complex128")
    if kind is RowPieces:
        leaves.append(value)
        return "rows"
    if kind is np.ndarray and value.dtype == object:
        return ("objects", value.shape, tuple([flatten(part, leaves) for part in value.ravel().tolist()]))
    raise BadArgument(
        f"A {kind.__module__}.{kind.__qualname__} cannot be written: a file holds numbers, texts, arrays, "
        "tensors, trees, dicts, lists, tuples, sets, named tuples and dataclasses. Say how to write it with "
        "ding_buffer.buffers.structure.register_payload."
    )


def _keys(mapping: dict[Any, Any]) -> tuple[Any, ...]:
    keys = tuple(mapping)
    if not _KEYS.issuperset(map(type, keys)):
        wrong = next(key for key in keys if type(key) not in _KEYS)
        raise BadArgument(
            f"A dict with the key {wrong!r} cannot be written: keys are texts, numbers or None."
        )
    return keys


def unflatten(description: Any, leaves: Iterator[Any]) -> Any:
    """Returns the value of a structure, taking its leaves in order.

    Constructors of user classes are not run.
    """
    if isinstance(description, str):
        return None if description == "none" else next(leaves)
    kind, *rest = description
    if kind in ("array", "scalar", "tensor", "table"):
        return next(leaves)
    if kind == "bytes":
        return bytes.fromhex(next(leaves))
    if kind == "complex":
        return complex(next(leaves))
    if kind == "custom":
        if rest[0] not in _CUSTOM:
            raise CorruptSnapshot(
                f"The file holds {rest[0]}, which nobody registered: call register_payload first."
            )
        return _CUSTOM[rest[0]][2](unflatten(rest[1], leaves))
    parts = [unflatten(part, leaves) for part in rest[-1]]
    if kind == "dict":
        return dict(zip(rest[0], parts, strict=True))
    if kind in _SEQUENCE_OF:
        return _SEQUENCE_OF[kind](parts)
    if kind == "easydict":
        return EasyDict(dict(zip(rest[0], parts, strict=True)))
    if kind == "objects":
        array = np.empty(len(parts), dtype=object)
        array[:] = parts
        return array.reshape(rest[0])
    return _unflatten_class(kind, rest, parts)


def _unflatten_class(kind: Any, rest: list[Any], parts: list[Any]) -> Any:
    if kind not in ("tree", "namedtuple", "dataclass"):
        raise CorruptSnapshot(f"The file holds a {kind!r}, which this version cannot make.")
    made: Any = class_at(rest[0])
    if kind == "tree" and is_tree_type(made):
        return made(dict(zip(rest[1], parts, strict=True)))
    named = kind == "namedtuple" and issubclass(made, tuple) and hasattr(made, "_fields")
    if named and len(made._fields) == len(parts):
        return tuple.__new__(made, parts)
    if kind == "dataclass" and dataclasses.is_dataclass(made):
        bare: Any = made
        value: Any = object.__new__(bare)
        for name, part in zip(rest[1], parts, strict=True):
            if name not in {field.name for field in dataclasses.fields(made)}:
                raise CorruptSnapshot(f"{rest[0]} has no field {name!r}.")
            object.__setattr__(value, name, part)
        return value
    raise CorruptSnapshot(f"The file holds a {kind!r} of {rest[0]}, which this version cannot make.")

"""Any payload as a description of its structure and a flat list of leaves, and back."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from easydict import EasyDict

from ding_buffer.core.copies import is_tensor, is_tree, is_tree_type
from ding_buffer.core.errors import BadArgument, CorruptSnapshot

Description = Any
"""A leaf kind (str), or a tuple of a container kind and what it holds.

Hashable, and JSON once tuples are lists.
"""

LONG = 64
"""A list longer than this is no part of the structure: it is a leaf, a table of its own."""

_ATOMS = {bool: "bool", int: "int", float: "float", str: "str"}
_SEQUENCES: dict[Any, str] = {list: "list", tuple: "tuple", set: "set", frozenset: "frozenset"}
_SEQUENCE_OF = {kind: made for made, kind in _SEQUENCES.items()}
_CUSTOM: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {}


def register_payload(kind: type, to_plain: Callable[[Any], Any], from_plain: Callable[[Any], Any]) -> None:
    """Makes objects of one class fit for ``save_data``.

    ``to_plain`` gives what is written, ``from_plain`` the object back.
    """
    _CUSTOM[_path(kind)] = (kind, to_plain, from_plain)


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
        return ("array", str(value.dtype), value.shape)
    if kind in _SEQUENCES:
        if len(value) > LONG and kind in (list, tuple):
            leaves.append(value)
            return ("table", _SEQUENCES[kind])
        return (_SEQUENCES[kind], tuple([flatten(part, leaves) for part in value]))
    if isinstance(value, np.generic) and not value.dtype.hasobject:
        leaves.append(value)
        return ("scalar", str(value.dtype))
    return _flatten_rare(value, kind, leaves)


def _flatten_rare(value: Any, kind: Any, leaves: list[Any]) -> Description:
    if _path(kind) in _CUSTOM:
        return ("custom", _path(kind), flatten(_CUSTOM[_path(kind)][1](value), leaves))
    if is_tensor(value):
        dtype = str(value.dtype).removeprefix("torch.")
        leaves.append(value)
        return ("tensor", dtype, tuple(value.shape), bool(value.requires_grad))
    if is_tree(value):
        return (
            "tree",
            _importable(kind),
            _keys(dict(value.items())),
            tuple([flatten(part, leaves) for _, part in value.items()]),
        )
    if kind is EasyDict:
        return ("easydict", _keys(value), tuple([flatten(part, leaves) for part in value.values()]))
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return ("namedtuple", _importable(kind), tuple([flatten(part, leaves) for part in value]))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = tuple(field.name for field in dataclasses.fields(value) if hasattr(value, field.name))
        return (
            "dataclass",
            _importable(kind),
            names,
            tuple([flatten(getattr(value, name), leaves) for name in names]),
        )
    if kind is bytes:
        leaves.append(value.hex())
        return ("bytes", "str")
    if kind is complex:
        leaves.append(np.complex128(value))
        return ("complex", "complex128")
    if kind is np.ndarray and value.dtype == object:
        return ("objects", value.shape, tuple([flatten(part, leaves) for part in value.ravel().tolist()]))
    raise BadArgument(
        f"A {kind.__module__}.{kind.__qualname__} cannot be written: a file holds numbers, texts, arrays, "
        "tensors, trees, dicts, lists, tuples, sets, named tuples and dataclasses. Say how to write it with "
        "ding_buffer.buffers.structure.register_payload."
    )


def _keys(mapping: dict[Any, Any]) -> tuple[Any, ...]:
    for key in mapping:
        if key is not None and type(key) not in _ATOMS:
            raise BadArgument(
                f"A dict with the key {key!r} cannot be written: keys are texts, numbers or None."
            )
    return tuple(mapping)


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
    made: Any = _known(rest[0])
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


def _path(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _importable(kind: type) -> str:
    """Returns the path of a class that will be found by it."""
    path = _path(kind)
    if _loaded(path) is None:
        raise BadArgument(
            f"A {path} cannot be written: no class is found under this name. "
            "Define it at the top of its module."
        )
    return path


def _known(path: str) -> type:
    found = _loaded(path)
    if found is None:
        raise CorruptSnapshot(
            f"The file holds objects of {path}. Import {path.partition(':')[0]} before loading it."
        )
    return found


def _loaded(path: str) -> type | None:
    """Returns a class that is loaded already, or None.

    A file may name a class, never cause an import: that would run code, and so would asking a module that
    makes attributes when asked.
    """
    module, _, name = path.partition(":")
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    return found if isinstance(found, type) else None

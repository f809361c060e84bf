"""A schema as data that JSON can hold, and back."""

from __future__ import annotations

import ast
import dataclasses
from typing import Any

import numpy as np

from ding_buffer.core.class_path import class_at, findable_path
from ding_buffer.core.copies import is_tree_type
from ding_buffer.core.errors import BadArgument, CorruptSnapshot
from ding_buffer.storages.container import KEYED, Container
from ding_buffer.storages.conversion import native
from ding_buffer.storages.field import Field, path_name
from ding_buffer.storages.tensor_memory import array_dtype

_KEYS = (str, int, float, bool, type(None))


def write_state(part: Container | Field) -> dict[str, Any]:
    """Returns the description of a container or field and what is within."""
    if isinstance(part, Field):
        return {
            "kind": part.kind,
            # A structured dtype is written as the tuples that numpy's own files hold.
            "dtype": repr(np.lib.format.dtype_to_descr(part.dtype)),
            "shape": list(part.shape),
            "torch": part.torch,
        }
    for key in part.keys:
        if type(key) not in _KEYS:
            raise BadArgument(
                f"{path_name((*part.path, key))} cannot be written: keys are texts, numbers or None."
            )
    return {
        "kind": part.kind,
        "class": None if part.made is None else findable_path(part.made),
        "keys": list(part.keys),
        "parts": [write_state(inner) for inner in part.parts],
    }


def read_state(state: Any) -> Container | Field:
    """Returns what was described; raises ``CorruptSnapshot`` where nothing is."""
    try:
        return _read(state, ())
    except (KeyError, TypeError, ValueError, SyntaxError, AttributeError, RecursionError) as error:
        if isinstance(error, CorruptSnapshot):
            raise
        raise CorruptSnapshot(f"The saved schema does not fit together: {error!r}.") from error


def _read(state: Any, path: tuple[Any, ...]) -> Container | Field:
    kind = str(state["kind"])
    if kind in ("array", "tensor", "ragged", "object"):
        return _read_field(state, kind, path)
    keys = tuple(state["keys"])
    if len(set(keys)) != len(keys):
        raise ValueError(f"keys {keys} repeat")
    parts = [_read(part, (*path, key)) for key, part in zip(keys, state["parts"], strict=True)]
    made = None if state["class"] is None else class_at(str(state["class"]))
    if not _suits(kind, made, keys):
        raise ValueError(f"no {kind} of {state['class']} with {list(keys)}")
    return Container(path, kind, keys, tuple(parts), made)


def _read_field(state: Any, kind: str, path: tuple[Any, ...]) -> Field:
    dtype = native(np.lib.format.descr_to_dtype(ast.literal_eval(str(state["dtype"]))))
    shape = tuple(size if size is None else int(size) for size in state["shape"])
    torch = None if state["torch"] is None else str(state["torch"])
    known = None if torch is None else array_dtype(torch)
    if dtype.hasobject != (kind == "object") or (known is None) == (kind == "tensor"):
        raise ValueError(f"no {kind} of {dtype}")
    if known is not None and known[0] != dtype:
        raise ValueError(f"{torch} is not held as {dtype}")
    if (None in shape) != (kind == "ragged") or None in shape[1:] or any((size or 0) < 0 for size in shape):
        raise ValueError(f"no {kind} of shape {shape}")
    return Field(path, kind, dtype, shape, torch)


def _suits(kind: str, made: type | None, keys: tuple[Any, ...]) -> bool:
    """Tells whether such a container can be made of these keys."""
    if made is None:
        plain = kind in ("list", "tuple") and keys == tuple(range(len(keys)))
        return plain or (kind in KEYED and kind != "tree")
    if kind == "tree":
        return is_tree_type(made)
    if kind == "namedtuple":
        return issubclass(made, tuple) and keys == getattr(made, "_fields", None)
    named = {field.name for field in dataclasses.fields(made)} if dataclasses.is_dataclass(made) else set()
    return kind == "dataclass" and named.issuperset(keys) and bool(named)

"""Fields described by hand, or by a gymnasium space."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from ding_buffer.core.errors import SchemaError
from ding_buffer.storages.container import Apart, take_apart
from ding_buffer.storages.field import Field, path_name, shown
from ding_buffer.storages.tensor_memory import array_dtype

_PYTHON: dict[Any, Any] = {bool: np.bool_, int: np.int64, float: np.float64, complex: np.complex128}
_IN_BRACKETS = re.compile(r"\s*([a-z_]\w*)\s*\[([\d\s,]*)\]\s*")
_OF_OBJECTS = ("Dict", "Tuple", "Sequence", "Text", "Graph", "OneOf")
_OBJECTS = (object, str, bytes)


@dataclass(frozen=True, slots=True)
class Spec:
    """A field of one dtype and shape: ``Spec(np.uint8, (84, 84, 4))``; a torch dtype makes tensors."""

    dtype: Any
    shape: tuple[int, ...] | int = ()


@dataclass(frozen=True, slots=True)
class Ragged:
    """A field whose first dimension varies: ``Ragged(np.int64)``, ``Ragged(np.float32, (None, 3))``.

    It takes arrays, or lists of numbers, of any length; a batch of it is a ``RaggedColumn``.
    """

    dtype: Any
    shape: tuple[int | None, ...] = (None,)


def spec_leaf(path: tuple[Any, ...], spec: Any) -> Field | None:
    """Returns the field a spec describes; None for a container of specs.

    A spec has the payload's own containers. Their leaves are dtypes (``np.float32``, ``float``, ``"uint8"``,
    ``torch.float32``: one number), a tuple of dtype and shape (``(np.float32, (4,))``), ``Spec``, ``Ragged``,
    ``object`` or ``str`` for anything else, texts with the shape in brackets (``"float32[84, 84]"``, as in a
    config; ``"int64[]"`` is of any length), or gymnasium spaces. A tuple of two whose second is a tuple of
    whole numbers is a dtype and a shape; ``Spec`` says it without doubt.
    """
    if isinstance(spec, Ragged):
        return _ragged(path, spec)
    if isinstance(spec, Spec):
        return _field(path, spec.dtype, spec.shape)
    if type(spec) is tuple and len(spec) == 2 and _is_shape(spec[1]) and _is_dtype(spec[0]):
        return _field(path, spec[0], spec[1])
    if isinstance(spec, str) and (told := _IN_BRACKETS.fullmatch(spec)) is not None:
        dtype, sizes = told.groups()
        if not sizes.strip():
            return _ragged(path, Ragged(dtype))
        return _field(path, dtype, tuple(int(size) for size in sizes.split(",")))
    kind = _space_kind(spec)
    if kind is not None:
        return None if kind in ("Dict", "Tuple") else _space_leaf(path, spec)
    return _field(path, spec, ()) if _is_dtype(spec) else None


def take_spec_apart(spec: Any) -> Apart | None:
    """Returns the parts of a container of specs, spaces of spaces among them."""
    if _space_kind(spec) == "Tuple":
        return "tuple", None, tuple(range(len(spec.spaces))), list(spec.spaces)
    return take_apart(spec)


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, tuple) and all(isinstance(size, int) and size >= 0 for size in shape)


def _torch_name(dtype: Any) -> str | None:
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(dtype, torch.dtype):
        return None
    return str(dtype).removeprefix("torch.")


def _is_dtype(spec: Any) -> bool:
    if isinstance(spec, type):
        return issubclass(spec, np.generic) or spec in _PYTHON or spec in _OBJECTS
    return isinstance(spec, (np.dtype, str)) or _torch_name(spec) is not None


def _dtype(path: tuple[Any, ...], dtype: Any) -> np.dtype[Any]:
    try:
        made: np.dtype[Any] = np.dtype(_PYTHON.get(dtype, dtype))
        return made
    except TypeError:
        raise SchemaError(f"{path_name(path)}: expected a dtype, got {shown(dtype)}.") from None


def _field(path: tuple[Any, ...], dtype: Any, shape: Any) -> Field:
    sizes = (shape,) if isinstance(shape, int) else shape
    if not _is_shape(sizes):
        raise SchemaError(f"{path_name(path)}: expected a shape, got {shape!r}.")
    if isinstance(dtype, type) and dtype in _OBJECTS:
        return Field(path, "object")
    name = _torch_name(dtype)
    if name is None:
        return Field.of_dtype(path, _dtype(path, dtype), sizes)
    known = array_dtype(name)
    if known is None:
        raise SchemaError(f"{path_name(path)}: expected a dtype of numbers, got torch.{name}.")
    return Field(path, "tensor", known[0], sizes, name)


def _ragged(path: tuple[Any, ...], spec: Ragged) -> Field:
    if not spec.shape or spec.shape[0] is not None or not _is_shape(spec.shape[1:]):
        raise SchemaError(f"{path_name(path)}: expected a shape that begins with None, got {spec.shape!r}.")
    field = Field.of_dtype(path, _dtype(path, spec.dtype), spec.shape)
    if field.kind != "ragged":
        raise SchemaError(f"{path_name(path)}: expected a dtype of numbers, got {spec.dtype!r}.")
    return field


def _space_kind(space: Any) -> str | None:
    """Returns the name of the gymnasium class a space is of, without importing gymnasium."""
    names = [base.__name__ for base in type(space).__mro__ if base.__module__.startswith("gymnasium.spaces.")]
    return names[0] if "Space" in names else None


def _space_leaf(path: tuple[Any, ...], space: Any) -> Field:
    kind = _space_kind(space)
    if kind == "Sequence" and space.stack:
        inner = _space_leaf(path, space.feature_space)
        if inner.kind == "array":
            return Field(path, "ragged", inner.dtype, (None, *inner.shape))
    if space.dtype is None or space.shape is None or kind in _OF_OBJECTS:
        return Field(path, "object")
    return Field.of_dtype(path, np.dtype(space.dtype), tuple(space.shape))

"""Strict types for pydantic, with the few conversions that YAML makes necessary.

YAML 1.1 reads ``1e5`` (no dot) as a text and has no tuples, sets, paths or enums. So: a text in exponent
notation counts as a number, a number without a fraction counts as an int, a list becomes a tuple or a set, a
text becomes a path, a value becomes its enum member. Nothing else is converted: ``"4"`` is not 4, ``1`` is
not true, true is not 1.
"""

from __future__ import annotations

import collections.abc
import enum
import inspect
import os
import pathlib
import re
import types
from functools import partial, reduce
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, InstanceOf
from pydantic_core import PydanticCustomError

_EXPONENT = re.compile(r"[+-]?[0-9][0-9_]*(\.[0-9_]*)?[eE][+-]?[0-9]+")
_REBUILT = (list, dict, set, frozenset, collections.abc.Sequence, collections.abc.Mapping)


def strict_type(annotation: Any) -> Any:
    """Returns the type pydantic checks a setting of this annotation against; ``Any`` where it cannot."""
    if isinstance(annotation, str) or annotation is inspect.Parameter.empty:
        return Any
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return reduce(_annotated, arguments[1:], strict_type(arguments[0]))
    if origin in (Union, types.UnionType):
        return _strict_union(arguments)
    if origin is Literal:
        return annotation
    if origin is tuple or annotation is tuple:
        parts = tuple(part if part is Ellipsis else strict_type(part) for part in arguments)
        return _annotated(types.GenericAlias(tuple, parts) if parts else tuple, _from_list_to(tuple))
    if origin in _REBUILT:
        inner = origin[tuple(strict_type(part) for part in arguments)]
        return _annotated(inner, _from_list_to(origin)) if origin in (set, frozenset) else inner
    if annotation in (set, frozenset):
        return _annotated(annotation, _from_list_to(annotation))
    if origin is collections.abc.Callable:
        return collections.abc.Callable
    return _strict_class(annotation if origin is None else origin)


def _strict_class(kind: Any) -> Any:
    if kind is int:
        return Annotated[int, BeforeValidator(_whole)]
    if kind is float:
        return Annotated[float, BeforeValidator(_number)]
    if not inspect.isclass(kind):
        # A value in place of a type says nothing about what may be set.
        return kind if kind is None or type(kind).__module__ in ("typing", "typing_extensions") else Any
    if getattr(kind, "_is_protocol", False) and not getattr(kind, "_is_runtime_protocol", False):
        return _annotated(Any, AfterValidator(partial(_fulfilling, kind)))
    if issubclass(kind, enum.Enum):
        return Annotated[kind, BeforeValidator(partial(_member, kind))]
    if issubclass(kind, pathlib.PurePath):
        return Annotated[kind, BeforeValidator(partial(_path, kind))]
    if kind is collections.abc.Iterable:
        # Pydantic would hand on an iterator of its own making.
        return InstanceOf[collections.abc.Iterable[Any]]
    return kind


def _strict_union(members: tuple[Any, ...]) -> Any:
    # Where a text is welcome as it is, "1e5" stays one; where a float is, 2.0 stays one.
    kinds = {get_args(member)[0] if get_origin(member) is Annotated else member for member in members}
    kept = {str: (int, float), float: (int,)}
    plain = {kind for welcome, others in kept.items() if welcome in kinds for kind in others}
    strict = tuple(member if member in plain else strict_type(member) for member in members)
    return Union[strict]  # noqa: UP007  (the members are known at run time only)


def _fulfilling(kind: Any, value: Any) -> Any:
    """Returns ``value`` if it has what the protocol asks for; isinstance is not allowed to tell."""
    for base in kind.__mro__:
        asked = vars(base) if getattr(base, "_is_protocol", False) else ()
        if any(not hasattr(value, name) for name in asked if not name.startswith("_")):
            raise PydanticCustomError("protocol_type", "does not fulfil the protocol")
    return value


def _annotated(kind: Any, mark: Any) -> Any:
    return Annotated[kind, mark]


def _from_list_to(kind: Any) -> BeforeValidator:
    return BeforeValidator(partial(_from_list, kind))


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) and _EXPONENT.fullmatch(value) else value


def _whole(value: Any) -> Any:
    number = _number(value)
    return int(number) if isinstance(number, float) and number.is_integer() else value


def _from_list(kind: Any, value: Any) -> Any:
    return kind(value) if isinstance(value, list) else value


def _member(kind: type[enum.Enum], value: Any) -> Any:
    return kind(value) if any(member.value == value for member in kind) else value


def _path(kind: type[pathlib.PurePath], value: Any) -> Any:
    return kind(value) if isinstance(value, (str, os.PathLike)) else value

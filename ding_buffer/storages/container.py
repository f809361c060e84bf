"""One container of a payload: how it is taken apart and put together."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from easydict import EasyDict

from ding_buffer.core.copies import is_tree
from ding_buffer.core.errors import SchemaError
from ding_buffer.storages.field import Field, path_name, shown

Apart: TypeAlias = "tuple[str, type | None, tuple[Any, ...], list[Any]]"
"""Kind, class, keys and parts of a container."""

KEYED = frozenset({"dict", "easydict", "tree"})


@dataclass(frozen=True)
class Container:
    """A dict, an ``EasyDict``, a tree, a list, a tuple, a named tuple or a dataclass, and its parts in order.

    A mapping of any class fits where one is expected, with the keys in any order; the others must be of the
    very class. A mapping of a class of its own comes back as a dict. ``made`` is the class of a tree, named
    tuple or dataclass; of a dataclass the fields are kept, other attributes are not, and its constructor is
    not run.
    """

    path: tuple[Any, ...]
    kind: str
    keys: tuple[Any, ...]
    parts: tuple[Container | Field, ...]
    made: type | None = None

    def fields(self) -> Iterator[Field]:
        """Yields the leaves, in order."""
        for part in self.parts:
            if isinstance(part, Field):
                yield part
            else:
                yield from part.fields()

    def leaves(self, value: Any, into: list[Any]) -> None:
        """Appends the leaves of a payload; raises ``SchemaError`` where the containers differ."""
        for part, inner in zip(self.parts, self._opened(value), strict=True):
            if isinstance(part, Field):
                into.append(inner)
            else:
                part.leaves(inner, into)

    def _opened(self, value: Any) -> Sequence[Any]:
        if self.kind in KEYED:
            return self._opened_mapping(value)
        kind: Any = type(value)
        if kind is not (self.made or {"list": list, "tuple": tuple}.get(self.kind)):
            self._refuse(value)
        if self.kind == "dataclass":
            return [
                self._attribute(value, key, part) for key, part in zip(self.keys, self.parts, strict=True)
            ]
        if len(value) != len(self.parts):
            self._refuse(value, "; for lengths that differ, name the field Ragged in a spec")
        items: Sequence[Any] = value
        return items

    def _opened_mapping(self, value: Any) -> Sequence[Any]:
        if not isinstance(value, Mapping) and not is_tree(value):
            self._refuse(value)
        held = value if type(value) is dict else dict(value.items())
        if len(held) == len(self.keys):
            try:
                return [held[key] for key in self.keys]
            except KeyError:
                pass
        for key, part in zip(self.keys, self.parts, strict=True):
            if key not in held:
                self._lacks(part, list(held))
        extra = next(key for key in held if key not in self.keys)
        raise SchemaError(
            f"{path_name((*self.path, extra))}: expected no such field, only {list(self.keys)}, "
            f"got {shown(held[extra])}."
        )

    def _attribute(self, value: Any, key: str, part: Container | Field) -> Any:
        try:
            return getattr(value, key)
        except AttributeError:
            self._lacks(part, [name for name in self.keys if hasattr(value, name)])

    def _lacks(self, part: Container | Field, there: list[Any]) -> NoReturn:
        raise SchemaError(f"{path_name(part.path)}: expected {part.expected}, got nothing, only {there}.")

    def _refuse(self, value: Any, hint: str = "") -> NoReturn:
        raise SchemaError(f"{path_name(self.path)}: expected {self.expected}, got {shown(value)}{hint}.")

    @property
    def expected(self) -> str:
        """What it takes, in words."""
        if self.kind in KEYED:
            return f"a dict of {list(self.keys)}"
        name = self.made.__name__ if self.made is not None else self.kind
        return f"a {name} of {len(self.parts)}"

    def build(self, leaves: Iterator[Any], trees: bool) -> Any:
        """Puts together what ``leaves`` took apart; a tree becomes one again where ``trees``, else a dict."""
        parts = [
            next(leaves) if isinstance(part, Field) else part.build(leaves, trees) for part in self.parts
        ]
        if self.kind == "list":
            return parts
        if self.kind == "tuple":
            return tuple(parts)
        made: Any = self.made
        if self.kind == "namedtuple":
            return tuple.__new__(made, parts)
        named = dict(zip(self.keys, parts, strict=True))
        if self.kind == "dataclass":
            value = object.__new__(made)
            for key, part in named.items():
                object.__setattr__(value, key, part)
            return value
        if self.kind == "easydict":
            return _easy(named)
        return made(named) if self.kind == "tree" and trees else named


def _easy(named: dict[Any, Any]) -> EasyDict:
    """Returns an ``EasyDict`` of these very parts: its constructor would make others of lists and tuples."""
    made = EasyDict()
    for key, part in named.items():
        dict.__setitem__(made, key, part)
        dict.__setattr__(made, key, part)
    return made


def take_apart(value: Any) -> Apart | None:
    """Returns kind, class, keys and parts of a container; None for a leaf."""
    kind: Any = type(value)
    if is_tree(value):
        items = dict(value.items())
        return "tree", kind, tuple(items), list(items.values())
    if isinstance(value, Mapping):
        name = "easydict" if isinstance(value, EasyDict) else "dict"
        return name, None, tuple(value), [value[key] for key in value]
    if kind is list or kind is tuple:
        return kind.__name__, None, tuple(range(len(value))), list(value)
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return "namedtuple", kind, tuple(kind._fields), list(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = tuple(field.name for field in dataclasses.fields(value) if hasattr(value, field.name))
        return "dataclass", kind, names, [getattr(value, name) for name in names]
    return None


def container_of(
    value: Any,
    leaf: Callable[[tuple[Any, ...], Any], Field | None],
    apart: Callable[[Any], Apart | None] = take_apart,
    path: tuple[Any, ...] = (),
) -> Container | Field:
    """Returns the containers of a value, which ``apart`` takes apart, down to what ``leaf`` makes a field of.

    ``leaf`` is asked first, and returns None for what is none.
    """
    made = leaf(path, value)
    if made is not None:
        return made
    parts = apart(value)
    if parts is None:
        raise SchemaError(f"{path_name(path)}: expected a field, got {shown(value)}.")
    kind, owner, keys, values = parts
    inner = [container_of(part, leaf, apart, (*path, key)) for key, part in zip(keys, values, strict=True)]
    return Container(path, kind, keys, tuple(inner), owner)

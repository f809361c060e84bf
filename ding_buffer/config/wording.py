"""Types and values in the words of somebody who writes YAML."""

from __future__ import annotations

import collections.abc
import enum
import inspect
import os
import reprlib
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

_PLAIN: dict[Any, str] = {
    Any: "anything",
    inspect.Parameter.empty: "anything",
    object: "anything",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    complex: "a complex number",
    str: "a text",
    bytes: "bytes",
    None: "null",
    type(None): "null",
    list: "a list",
    tuple: "a list",
    set: "a list",
    frozenset: "a list",
    dict: "a mapping",
    collections.abc.Sequence: "a list",
    collections.abc.Iterable: "a list",
    collections.abc.Mapping: "a mapping",
    collections.abc.Callable: "a function (a Python object)",
}
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


def allowed_words(annotation: Any) -> str:
    """Says what a setting with this annotation may be."""
    if isinstance(annotation, str):
        return "anything"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return allowed_words(arguments[0])
    if isinstance(annotation, collections.abc.Hashable) and annotation in _PLAIN:
        return _PLAIN[annotation]
    if origin is Literal:
        return _choice([repr(value) if value is not None else "null" for value in arguments])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(allowed_words(member) for member in arguments))
    if origin in (list, set, frozenset, collections.abc.Sequence, collections.abc.Iterable):
        return f"a list (of each: {allowed_words(arguments[0])})"
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return f"a list (of each: {allowed_words(arguments[0])})"
        return f"a list of {len(arguments)} ({', '.join(allowed_words(part) for part in arguments)})"
    if origin is not None:
        return allowed_words(origin)
    if inspect.isclass(annotation) and issubclass(annotation, enum.Enum):
        return _choice([repr(member.value) for member in annotation])
    if inspect.isclass(annotation) and issubclass(annotation, os.PathLike):
        return "a path"
    return f"a {getattr(annotation, '__name__', str(annotation))} (a Python object)"


def got_words(value: Any) -> str:
    """Says what was given instead, with a word of advice where YAML is known to mislead."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"{value} (true or false)"
    if isinstance(value, str):
        return f"the text {_SHORT.repr(value)}{_advice(value)}"
    kind = "mapping" if isinstance(value, collections.abc.Mapping) else type(value).__name__
    return f"{_SHORT.repr(value)} ({kind})"


def _advice(text: str) -> str:
    if text.strip().casefold() == "none":
        return "; YAML spells it null"
    try:
        float(text)
    except ValueError:
        return ""
    return "; write a number without quotes"


def _choice(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"one of {', '.join(words)}"

"""What can be set on a class or a factory function, read from its signature."""

from __future__ import annotations

import copy
import inspect
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, get_type_hints

from easydict import EasyDict

from ding_buffer.core.errors import BadArgument

if TYPE_CHECKING:
    from collections.abc import Callable

BUFFER_PARAMETERS = ("buffer", "buffer_")
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def settings_of(factory: Callable[..., object]) -> dict[str, inspect.Parameter]:
    """Returns the parameters of ``factory`` that a user sets by name, in order.

    ``self``, ``*args``, ``**kwargs``, positional-only parameters and the buffer that a layer works for are
    not settings. Each annotation is resolved where it can be; one with a name that exists for type checkers
    only stays text. Raises ``BadArgument`` for a callable without a signature.
    """
    names = _names_known_to(factory)
    return {
        parameter.name: parameter.replace(annotation=_resolved(parameter.annotation, names))
        for parameter in signature_of(factory).parameters.values()
        if parameter.kind in _NAMED and parameter.name not in BUFFER_PARAMETERS
    }


def default_settings(factory: Callable[..., object]) -> EasyDict:
    """Returns a fresh EasyDict of every setting of ``factory`` that has a default; a required one is absent.

    The values are copies: changing them changes no later default.
    """
    return EasyDict(
        {
            name: copy.deepcopy(parameter.default)
            for name, parameter in settings_of(factory).items()
            if parameter.default is not inspect.Parameter.empty
        }
    )


def signature_of(factory: Callable[..., object]) -> inspect.Signature:
    """Returns the signature of ``factory``; raises ``BadArgument`` if it is not callable or has none."""
    try:
        return inspect.signature(factory)
    except (TypeError, ValueError) as error:
        raise BadArgument(f"{factory!r} has no signature to read settings from: {error}") from error


def _names_known_to(factory: Callable[..., object]) -> dict[str, Any]:
    """Returns the module namespace in which the annotations of ``factory`` were written."""
    source: Any = factory
    if inspect.isclass(factory):
        source = inspect.getattr_static(factory, "__init__")
        if source is object.__init__:
            source = factory.__new__
    elif not inspect.isroutine(factory) and not hasattr(factory, "func"):
        source = type(factory).__call__
    while hasattr(source, "func"):
        source = source.func
    names: dict[str, Any] = getattr(inspect.unwrap(source), "__globals__", {})
    return names


def _resolved(annotation: Any, names: dict[str, Any]) -> Any:
    """Returns what a textual annotation stands for, or the text itself where a name in it is unknown."""
    if not isinstance(annotation, str):
        return annotation
    try:
        holder = SimpleNamespace(__annotations__={"it": annotation})
        return get_type_hints(holder, names, include_extras=True)["it"]
    except (NameError, TypeError, AttributeError, SyntaxError):
        return annotation

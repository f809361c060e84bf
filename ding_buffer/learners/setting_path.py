"""Reads one setting out of a nested configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ding_buffer.core.errors import BadArgument, ConfigError

_REQUIRED = object()


def setting(cfg: Any, path: str, default: Any = _REQUIRED) -> Any:
    """Returns the value at a dotted path, such as ``policy.learn.batch_size``.

    ``cfg`` may be a mapping (``EasyDict`` too), any object with attributes, or a mixture of both. A path that
    ends early, at a missing key or at ``None``, gives ``default``; without a default it raises
    ``ConfigError`` naming the path and what is there instead.
    """
    found = cfg
    names = path.split(".")
    for depth, name in enumerate(names):
        if isinstance(found, Mapping):
            missing = name not in found
            held: Any = None if missing else found[name]
        else:
            missing = found is None or not hasattr(found, name)
            held = None if missing else getattr(found, name)
        if missing:
            if default is _REQUIRED:
                raise ConfigError(_missing(".".join(["cfg", *names[:depth]]), found, path))
            return default
        found = held
    return found


def count_setting(cfg: Any, path: str, default: Any = _REQUIRED) -> int:
    """Returns the whole number of at least 1 at a dotted path; raises ``ConfigError`` for anything else."""
    value = setting(cfg, path, default)
    try:
        return positive_count(value, f"cfg.{path}")
    except BadArgument as error:
        raise ConfigError(str(error)) from error


def positive_count(value: Any, name: str) -> int:
    """Returns ``value`` as an int of at least 1; raises ``BadArgument`` saying what ``name`` was instead."""
    whole = not isinstance(value, bool) and isinstance(value, (int, float)) and float(value).is_integer()
    if not whole or value < 1:
        raise BadArgument(f"{name} must be a whole number of at least 1, not {value!r}")
    return int(value)


def _missing(where: str, found: Any, path: str) -> str:
    if isinstance(found, Mapping):
        here = f"{where} has {sorted(map(str, found))}" if found else f"{where} is empty"
    else:
        here = f"{where} is {type(found).__name__}"
    return f"the setting cfg.{path} is missing ({here})"

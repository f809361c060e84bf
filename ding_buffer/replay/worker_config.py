"""The settings of a worker buffer: what a config says, over the defaults."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from easydict import EasyDict

from ding_buffer.core.errors import ConfigError

_BESIDE = ("type", "cfg_type", "import_names")
"""Keys that say which buffer it is, not how."""


def merged(defaults: Mapping[str, Any], cfg: Any, face: str) -> EasyDict:
    """Returns ``defaults`` with what ``cfg`` says instead, as a new EasyDict.

    ``cfg`` is any mapping, or None; it may be partial at every level. Raises ``ConfigError``, with the path,
    for a key that is unknown and for a value of another type than its default: a number may be numpy's, or a
    text in exponent notation (YAML reads ``1e5`` as a text), a whole number may come without a fraction.
    """
    if cfg is None:
        cfg = {}
    if not isinstance(cfg, Mapping):
        raise ConfigError(f"The cfg of {face} is a mapping, got {cfg!r}.")
    beside = {key: cfg[key] for key in _BESIDE if key in cfg}
    given = {key: value for key, value in cfg.items() if key not in _BESIDE}
    plain = {key: value for key, value in defaults.items() if key not in _BESIDE}
    kept = {key: value for key, value in defaults.items() if key in _BESIDE}
    return EasyDict({**kept, **beside, **_merged(plain, given, "", face)})


def _merged(defaults: Mapping[str, Any], given: Mapping[str, Any], path: str, face: str) -> dict[str, Any]:
    made = dict(defaults)
    for key, value in given.items():
        where = f"{path}.{key}" if path else str(key)
        if key not in defaults:
            near = difflib.get_close_matches(str(key), [str(name) for name in defaults], n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigError(f"{where}: unknown key of {face}{hint} (known: {', '.join(defaults)})")
        default = defaults[key]
        if isinstance(default, Mapping):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{where}: expected a mapping, got {value!r}")
            made[key] = _merged(default, value, where, face)
        else:
            made[key] = _like(default, value, where)
    return made


def _like(default: Any, value: Any, where: str) -> Any:
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ConfigError(f"{where}: expected true or false, got {value!r}")
        return value
    if not isinstance(default, (int, float)):
        return value
    if isinstance(value, np.number):
        value = value.item()
    if isinstance(value, str) and "e" in value.lower():
        try:
            value = float(value)
        except ValueError:
            raise ConfigError(f"{where}: expected a number, got {value!r}") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        hint = " (for no limit math.inf, in YAML .inf)" if default == math.inf else ""
        raise ConfigError(f"{where}: expected a number{hint}, got {value!r}")
    return int(value) if isinstance(value, float) and value.is_integer() else value


def check_within(where: str, value: float, low: float, high: float = math.inf) -> None:
    """Raises ``ConfigError`` for a number outside [low, high]."""
    if not low <= value <= high:
        most = "" if high == math.inf else f" and at most {high}"
        raise ConfigError(f"{where}: expected at least {low}{most}, got {value!r}")


def check_above(where: str, value: float, low: float) -> None:
    """Raises ``ConfigError`` for a number that is not above ``low``."""
    if not value > low:
        raise ConfigError(f"{where}: expected more than {low}, got {value!r}")


def check_whole_within(where: str, value: float, low: int) -> None:
    """Raises ``ConfigError`` for anything but a whole number of at least ``low``."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{where}: expected a whole number, got {value!r}")
    check_within(where, value, low)

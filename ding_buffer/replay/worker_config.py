"""The settings of a worker buffer: what a config says, over the defaults."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from easydict import EasyDict

from ding_buffer.core.errors import ConfigError
from ding_buffer.core.problems import Problems, joined, nearest

_BESIDE = ("type", "cfg_type", "import_names")
"""Keys that say which buffer it is, not how."""

Rule = Callable[[Any], Any]
"""Returns a setting as it is to be kept; raises ``ValueError``, naming what may be set, for any other."""
Rules = Mapping[str, Rule]
"""By path. That of a mapping, "" for the whole config, sees it once all within is right, and says all."""


def merged(defaults: Mapping[str, Any], cfg: Any, face: str, rules: Rules) -> EasyDict:
    """Returns ``defaults`` with what ``cfg`` says instead, as a new EasyDict.

    ``cfg`` is any mapping, or None; it may be partial at every level. A setting without a rule must be of the
    kind of its default; where that is None, anything goes. One ``ConfigError`` tells every mistake with its
    path: an unknown key, with the nearest known one, and what a rule refuses, with what it expects.
    """
    if cfg is None:
        cfg = {}
    if not isinstance(cfg, Mapping):
        raise ConfigError(f"The cfg of {face} is a mapping, got {cfg!r}.")
    problems = Problems(f"the cfg of {face}")
    beside = {key: value for key, value in {**defaults, **cfg}.items() if key in _BESIDE}
    plain, given = (
        {key: value for key, value in config.items() if key not in _BESIDE} for config in (defaults, cfg)
    )
    made = _merged(plain, given, "", rules, problems)
    problems.raise_if_any()
    return EasyDict({**beside, **made})


def _merged(
    defaults: Mapping[str, Any], given: Mapping[str, Any], path: str, rules: Rules, problems: Problems
) -> dict[str, Any]:
    made, before = dict(defaults), len(problems)
    for key, value in given.items():
        where = joined(path, str(key))
        default = defaults.get(key)
        if key not in defaults:
            near = nearest(str(key), defaults)
            hint = f"; did you mean {near}?" if near else ""
            problems.add(where, f"unknown key{hint} (known: {', '.join(defaults)})")
        elif not isinstance(default, Mapping):
            hint = " (for no limit math.inf, in YAML .inf)" if default == math.inf else ""
            made[key] = _kept(rules.get(where, _like(default)), value, where, hint, problems)
        elif isinstance(value, Mapping):
            made[key] = _merged(default, value, where, rules, problems)
        else:
            problems.add(where, f"expected a mapping of {', '.join(default)}, got {value!r}")
    if path in rules and len(problems) == before:
        try:
            rules[path](made)
        except ValueError as error:
            problems.add(path, str(error))
    return made


def _kept(rule: Rule, value: Any, where: str, hint: str, problems: Problems) -> Any:
    try:
        return rule(value)
    except ValueError as error:
        problems.add(where, f"expected {error}{hint}, got {value!r}")
        return None


def _like(default: Any) -> Rule:
    if isinstance(default, bool):
        return that(lambda value: isinstance(value, bool), "true or false")
    return number() if isinstance(default, (int, float)) else _anything


def _anything(value: Any) -> Any:
    return value


def number(low: float = -math.inf, high: float = math.inf, *, above: bool = False) -> Rule:
    """Makes the rule of a number in [low, high], or with ``above`` in (low, high].

    A number may be numpy's, or a text in exponent notation, as which YAML reads ``1e5``. One without a
    fraction becomes an int. Infinity is a number, NaN is none.
    """
    if above:
        words = f"a number above {low}"
    elif high < math.inf:
        words = f"a number from {low} to {high}"
    else:
        words = "a number" if low == -math.inf else f"a number of at least {low}"

    def rule(value: Any) -> Any:
        found = _number(value)
        if found is None or not low <= found <= high or (above and found == low):
            raise ValueError(words)
        return found

    return rule


def finite(low: float) -> Rule:
    """Makes the rule of a number of at least ``low`` that is not infinite."""

    def rule(value: Any) -> Any:
        found = _number(value)
        if found is None or not low <= found < math.inf:
            raise ValueError(f"a finite number of at least {low}")
        return found

    return rule


def whole(low: int) -> Rule:
    """Makes the rule of a whole number of at least ``low``; 2.0 is one."""

    def rule(value: Any) -> Any:
        found = _number(value)
        if not isinstance(found, int) or found < low:
            raise ValueError(f"a whole number of at least {low}")
        return found

    return rule


def that(fits: Callable[[Any], bool], words: str) -> Rule:
    """Makes the rule of a value that ``fits``, which ``words`` describe."""

    def rule(value: Any) -> Any:
        if not fits(value):
            raise ValueError(words)
        return value

    return rule


def optional(rule: Rule) -> Rule:
    """Makes the rule of a setting that may also be None."""

    def either(value: Any) -> Any:
        try:
            return None if value is None else rule(value)
        except ValueError as error:
            raise ValueError(f"{error}, or None") from None

    return either


def below(path: str, rules: Rules) -> dict[str, Rule]:
    """Returns ``rules`` for a mapping that stands at ``path``."""
    return {joined(path, key): rule for key, rule in rules.items()}


def _number(value: Any) -> int | float | None:
    """Returns what a setting says as Python's number; None where it says none."""
    if isinstance(value, np.number):
        value = value.item()
    if isinstance(value, str) and "e" in value.lower():
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value

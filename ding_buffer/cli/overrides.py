"""Settings that are changed on the command line."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from ding_buffer.config.wording import got_words
from ding_buffer.core.errors import ConfigError

_PATH = re.compile(r"[^.\[\]]+(\.[^.\[\]]+|\[\d+\])*")
_PART = re.compile(r"[^.\[\]]+")


def with_overrides(settings: Mapping[str, Any], changes: Iterable[str]) -> dict[str, Any]:
    """Returns a copy of nested settings with every ``key=value`` of ``changes`` put in its place, in order.

    A key is a path: ``learn.lr``, ``buffer.middleware[0].max_use`` (or ``.0.``); the value is YAML. A
    mapping that is not there is made; whether a key is known is for the reader of the settings to say.
    Raises ``ConfigError`` for a change without ``=``, a value that is not YAML, and a path that leads
    through anything but mappings and lists.
    """
    changed = copy.deepcopy(dict(settings))
    for change in changes:
        path, equals, text = change.partition("=")
        if not equals or not path.strip():
            raise ConfigError(f"--set {change}: expected KEY=VALUE, such as --set learn.lr=3e-4")
        _put(changed, _parts(path.strip(), change), _value(text, change), change)
    return changed


def _value(text: str, change: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {change}: {text!r} is not valid YAML") from error


def _parts(path: str, change: str) -> list[str]:
    if not _PATH.fullmatch(path):
        raise ConfigError(
            f"--set {change}: {path!r} is not a path such as learn.lr or buffer.middleware[0].max_use"
        )
    return _PART.findall(path)


def _put(settings: Any, parts: list[str], value: Any, change: str) -> None:
    here = settings
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        so_far = ".".join(parts[:depth])
        if isinstance(here, list):
            if not part.isdecimal() or int(part) >= len(here):
                raise ConfigError(
                    f"--set {change}: {so_far} is a list of {len(here)}, numbered from 0; it has no {part!r}"
                )
            place: Any = int(part)
        elif isinstance(here, dict):
            place = part
            if not last and here.get(part) is None:
                here[part] = {}
        else:
            raise ConfigError(f"--set {change}: {so_far} holds no settings, it is {got_words(here)}")
        if last:
            here[place] = value
        elif isinstance(here[place], str) and isinstance(here, list):
            # A layer may be written as its name alone; as a mapping it has room for settings.
            here[place] = {"type": here[place]}
        here = here[place]

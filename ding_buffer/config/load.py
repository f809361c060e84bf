"""A config from wherever it is: a mapping, or a YAML file."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from ding_buffer.config.wording import got_words
from ding_buffer.core.errors import ConfigError

ConfigSource = Mapping[str, Any] | str | os.PathLike[str]


def load_config(source: ConfigSource) -> dict[str, Any]:
    """Returns the config as a new dict; of a mapping, the top level only is copied: objects stay the same.

    Raises ``ConfigError`` for a file that cannot be read, is not YAML, says a key twice or holds anything but
    a mapping.
    """
    if isinstance(source, Mapping):
        return dict(source)
    if not isinstance(source, (str, os.PathLike)):
        raise ConfigError(f"a config is a mapping or the path of a YAML file, got {got_words(source)}")
    path = Path(source)
    try:
        with path.open("rb") as stream:
            loaded = _UniqueKeyLoader(stream).get_single_data()
    except FileNotFoundError as error:
        advice = (
            '; to name a type, write {"type": ...}' if isinstance(source, str) and not path.suffix else ""
        )
        raise ConfigError(f"there is no config file {str(path)!r}{advice}") from error
    except OSError as error:
        raise ConfigError(f"the config file {str(path)!r} cannot be read: {error}") from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise ConfigError(f"{path}: a config is a mapping (key: value), got {got_words(loaded)}")
    return loaded


def source_name(source: object) -> str:
    """Returns what messages call ``source``: the path of a file, or "the buffer config"."""
    return str(source) if isinstance(source, (str, os.PathLike)) else "the buffer config"


class _UniqueKeyLoader(yaml.SafeLoader):
    """Plain YAML without Python objects, where a key said twice is an error: one would be lost silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        "while reading a mapping",
                        node.start_mark,
                        f"the key {key.value!r} stands twice",
                        key.start_mark,
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)

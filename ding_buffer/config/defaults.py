"""What can be set on a type, a layer or a storage, and to what it is set if nobody says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from easydict import EasyDict

from ding_buffer.config.catalog import BUFFERS, LAYERS, STORAGES
from ding_buffer.core.errors import ConfigError
from ding_buffer.core.problems import nearest
from ding_buffer.core.settings import default_settings

if TYPE_CHECKING:
    from ding_buffer.config.registry import Factory

_CATALOG = (BUFFERS, LAYERS, STORAGES)


def default_config(name_or_cls: str | Factory) -> EasyDict:
    """Returns the settings of a registered name, or of a class or factory function, as a fresh EasyDict.

    ``type`` comes first where there is a registered name. A required setting has no default and is absent.
    Names are looked for among the buffer types, then the layers, then the storages; an unknown one raises
    ``ConfigError``.
    """
    if not isinstance(name_or_cls, str):
        names = (registry.name_of(name_or_cls) for registry in _CATALOG)
        name = next((found for found in names if found is not None), None)
        return EasyDict({"type": name} if name else {}, **_defaults_of(name_or_cls))
    for registry in _CATALOG:
        if name_or_cls in registry:
            return EasyDict({"type": name_or_cls}, **_defaults_of(registry.get(name_or_cls)))
    known = [name for registry in _CATALOG for name in registry.names()]
    meant = nearest(name_or_cls, known)
    hint = f"; did you mean {meant}?" if meant else ""
    raise ConfigError(f"unknown name {name_or_cls!r}{hint} (known: {', '.join(known)})")


def _defaults_of(factory: Factory) -> EasyDict:
    """Returns the defaults of a class that takes them as one config, or else of the parameters."""
    if hasattr(factory, "from_settings"):
        defaults = getattr(factory, "default_config")()  # noqa: B009
        return EasyDict({key: value for key, value in defaults.items() if key != "type"})
    return default_settings(factory)

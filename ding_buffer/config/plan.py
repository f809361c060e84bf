"""What a config asks for, read and checked but not yet made."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ding_buffer.config.catalog import BUFFERS, LAYERS, STORAGES
from ding_buffer.config.schema import FOREIGN_NAMES, read_settings
from ding_buffer.config.wording import got_words
from ding_buffer.core.errors import ConfigError
from ding_buffer.core.problems import joined, nearest
from ding_buffer.core.settings import BUFFER_PARAMETERS, settings_of, signature_of

if TYPE_CHECKING:
    from ding_buffer.config.registry import Factory, Registry
    from ding_buffer.core.problems import Problems

# The keys of a buffer config that are not settings of its type.
STRUCTURE = ("type", "storage", "middleware", "import_names")
CAPACITY = "capacity"
# What other systems switch on with a key of the buffer, and the layer that does it here: for hints only.
FOREIGN_LAYERS = {"priority": "PriorityExperienceReplay", "deepcopy": "clone_object"}


@dataclass(slots=True)
class Part:
    """Something to be made: by which factory, with which settings. ``path`` is its place in the config."""

    path: str
    factory: Factory
    settings: dict[str, Any]

    def needed(self, name: str) -> bool:
        """Tells whether the factory takes a parameter ``name`` and has no default for it."""
        parameter = signature_of(self.factory).parameters.get(name)
        return parameter is not None and parameter.default is inspect.Parameter.empty

    def takes(self, name: str) -> bool:
        """Tells whether the factory takes a parameter ``name``."""
        return name in signature_of(self.factory).parameters

    def buffer_parameter(self) -> str | None:
        """Returns the parameter that has to be given the buffer, if there is one without a default."""
        return next((name for name in BUFFER_PARAMETERS if self.needed(name)), None)


@dataclass(slots=True)
class Plan:
    """A buffer to be made. A layer that was given as a Python object stands for itself."""

    buffer: Part | None = None
    storage: Part | None = None
    layers: list[Part | Factory] = field(default_factory=list)


def read_type(config: Mapping[str, Any], problems: Problems) -> Factory | None:
    """Returns what makes the buffers that ``config`` names, or None; imports its ``import_names`` first."""
    _import(config.get("import_names"), problems)
    if "type" not in config:
        inner = isinstance(config.get("buffer"), Mapping) and "type" in config["buffer"]
        advice = "; this holds a whole run: pass its section `buffer`" if inner else ""
        problems.add("type", f"required, one of: {', '.join(BUFFERS.names())}{advice}")
        return None
    return _look_up(BUFFERS, config["type"], "type", problems)


def read_plan(config: Mapping[str, Any], problems: Problems) -> Plan:
    """Reads a whole buffer config and notes every mistake that can be seen without making anything."""
    plan = Plan()
    factory = read_type(config, problems)
    settings = {key: value for key, value in config.items() if key not in STRUCTURE}
    storage = config.get("storage")
    if isinstance(storage, (str, Mapping, type)):
        plan.storage = _read_part(STORAGES, storage, "storage", problems, given=(CAPACITY,))
    elif storage is not None:
        settings["storage"] = storage
    if factory is not None:
        maker = getattr(factory, "from_settings", factory)
        if plan.storage is not None and "storage" not in settings_of(maker):
            problems.add("storage", "this type has no choice of storage")
        read = read_settings(maker, settings, "", problems, beside=STRUCTURE, elsewhere=_layer_with)
        plan.buffer = Part("", maker, read) if read is not None else None
        if config.get("middleware") and maker is not factory and not hasattr(factory, "use"):
            problems.add(
                "middleware", "this type has the layers that its settings ask for, and takes no others"
            )
    plan.layers = _read_layers(config.get("middleware"), problems)
    return plan


def _read_layers(asked: Any, problems: Problems) -> list[Part | Factory]:
    if asked is None:
        return []
    if not isinstance(asked, (list, tuple)):
        problems.add("middleware", f"expected a list of layers, the outermost first, got {got_words(asked)}")
        return []
    layers: list[Part | Factory] = []
    for position, entry in enumerate(asked):
        path = f"middleware[{position}]"
        if callable(entry) and not isinstance(entry, type) and LAYERS.name_of(entry) is None:
            layers.append(entry)
            continue
        part = _read_part(LAYERS, entry, path, problems)
        if part is not None:
            layers.append(part)
    return layers


def _read_part(
    registry: Registry, asked: Any, path: str, problems: Problems, given: tuple[str, ...] = ()
) -> Part | None:
    """Reads a name, a factory, or a mapping of ``type`` and settings."""
    settings: Mapping[Any, Any] = {}
    if isinstance(asked, Mapping):
        settings = {key: value for key, value in asked.items() if key != "type"}
        if "type" not in asked:
            problems.add(joined(path, "type"), f"required, one of: {', '.join(registry.names())}")
            return None
        factory = _look_up(registry, asked["type"], joined(path, "type"), problems)
    else:
        factory = _look_up(registry, asked, path, problems)
    if factory is None:
        return None
    read = read_settings(factory, settings, path, problems, given=given)
    return None if read is None else Part(path, factory, read)


def _look_up(registry: Registry, asked: Any, path: str, problems: Problems) -> Factory | None:
    """Returns the factory ``asked`` for, by name or as itself; None after noting that there is none."""
    if not isinstance(asked, str):
        if callable(asked):
            factory: Factory = asked
            return factory
        problems.add(path, f"expected the name of a {registry.kind}, got {got_words(asked)}")
        return None
    if asked not in registry:
        names = registry.names()
        meant = nearest(asked, [*names, *registry.aliases()])
        hint = f"; did you mean {meant}?" if meant else ""
        problems.add(path, f"unknown {registry.kind} {asked!r}{hint} (known: {', '.join(names)})")
        return None
    try:
        return registry.get(asked)
    except ConfigError as error:
        problems.add(path, str(error), error)
        return None


def _import(names: Any, problems: Problems) -> None:
    if names is None:
        return
    if not isinstance(names, (list, tuple)):
        problems.add("import_names", f"expected a list of module names, got {got_words(names)}")
        return
    for position, name in enumerate(names):
        path = f"import_names[{position}]"
        if not isinstance(name, str) or not name or name.startswith("."):
            problems.add(path, f"expected the full name of a module, got {got_words(name)}")
            continue
        try:
            importlib.import_module(name)
        except ImportError as error:
            problems.add(path, f"the module {name!r} cannot be imported: {error}", error)


def _layer_with(key: str) -> str | None:
    """Says which layer has a setting called ``key``, which stands beside the buffer's own settings."""
    if key in LAYERS or key in FOREIGN_LAYERS:
        return f"the layer {FOREIGN_LAYERS.get(key, key)} does that: list it under middleware"
    sought = FOREIGN_NAMES.get(key, key)
    for name in LAYERS.names():
        try:
            settings = settings_of(LAYERS.get(name))
        except (ConfigError, ImportError):
            # This looks for a hint only; whoever asks for the broken layer is told what is wrong with it.
            continue
        if sought in settings:
            return f"it belongs to a layer: middleware: [{{type: {name}, {sought}: ...}}]"
    return None

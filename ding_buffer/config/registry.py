"""Names for things that a config can ask for."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ding_buffer.core.errors import BadArgument, ConfigError, MissingExtra

Factory = Callable[..., Any]
FactoryT = TypeVar("FactoryT", bound=Factory)


class Registry:
    """A table from names to factories of one kind.

    What ships is given as text, ``"module:attribute"``, and imported when its name is first asked for. Names
    that are not in the table are looked for among the entry points of installed distributions; those are read
    only then, or for a listing. A name registered here wins over an entry point of the same name.
    """

    def __init__(self, kind: str, group: str, shipped: Mapping[str, str], aliases: Mapping[str, str]) -> None:
        """Starts with what ships; ``kind`` is the word for messages, ``group`` the entry point group."""
        self.kind = kind
        self.group = group
        self._entries: dict[str, Factory | str] = dict(shipped)
        self._aliases = dict(aliases)

    def register(self, name: str, *, force: bool = False) -> Callable[[FactoryT], FactoryT]:
        """Makes a decorator that enters a class or function under ``name`` and returns it unchanged.

        A taken name raises ``BadArgument`` unless ``force`` is true.
        """
        given: object = name
        if not isinstance(given, str) or not given:
            raise BadArgument(
                f'a {self.kind} is registered under a name, as in @register("mine"), got {given!r}'
            )

        def enter(factory: FactoryT) -> FactoryT:
            if not callable(factory):
                raise BadArgument(f"a {self.kind} is a class or a function that makes one, got {factory!r}")
            if not force and (name in self._entries or name in self._aliases):
                raise BadArgument(
                    f"the {self.kind} {name!r} is already registered; choose another name, "
                    "or pass force=True to replace it"
                )
            self._aliases.pop(name, None)
            self._entries[name] = factory
            return factory

        return enter

    def unregister(self, name: str) -> None:
        """Forgets ``name``; raises ``BadArgument`` if it was not registered."""
        if self._entries.pop(name, None) is None:
            raise BadArgument(f"no {self.kind} {name!r} is registered")

    def names(self) -> list[str]:
        """Returns every canonical name in order, entry points included; imports no factory."""
        return sorted({*self._entries, *(point.name for point in self._entry_points())})

    def aliases(self) -> dict[str, str]:
        """Returns the other spellings that are accepted, each with the canonical name it stands for."""
        return dict(self._aliases)

    def __contains__(self, name: object) -> bool:
        if name in self._entries or name in self._aliases:
            return True
        return any(point.name == name for point in self._entry_points())

    def get(self, name: str) -> Factory:
        """Returns the factory called ``name``, imported if need be.

        Raises ``KeyError`` for an unknown name, ``ConfigError`` for an entry point that cannot be loaded or
        that two distributions claim, and ``MissingExtra`` where an optional library is not installed.
        """
        name = self._aliases.get(name, name)
        if name not in self._entries:
            self._entries[name] = self._load_entry_point(name)
        entry = self._entries[name]
        if isinstance(entry, str):
            module, _, attribute = entry.partition(":")
            entry = self._entries[name] = getattr(importlib.import_module(module), attribute)
        return entry

    def name_of(self, factory: object) -> str | None:
        """Returns the canonical name of ``factory``, without importing anything; None if it has none."""
        text = f"{getattr(factory, '__module__', '')}:{getattr(factory, '__qualname__', '')}"
        return next(
            (name for name, entry in self._entries.items() if entry is factory or entry == text), None
        )

    def _entry_points(self) -> importlib.metadata.EntryPoints:
        return importlib.metadata.entry_points(group=self.group)

    def _load_entry_point(self, name: str) -> Factory:
        claims = {point.value: point for point in self._entry_points() if point.name == name}
        if not claims:
            raise KeyError(name)
        if len(claims) > 1:
            raise ConfigError(
                f"the {self.kind} {name!r} is claimed more than once: {', '.join(sorted(claims))}"
            )
        (point,) = claims.values()
        try:
            factory = point.load()
        except MissingExtra:
            raise
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"the {self.kind} {name!r} of {point.value} cannot be loaded: {error}"
            ) from error
        if not callable(factory):
            raise ConfigError(f"the {self.kind} {name!r} of {point.value} is neither a class nor a function")
        loaded: Factory = factory
        return loaded

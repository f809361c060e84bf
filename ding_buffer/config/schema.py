"""The strict pydantic model of what can be set on a factory, derived from its signature."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUserError

from ding_buffer.config.coercion import strict_type
from ding_buffer.config.wording import allowed_words, got_words
from ding_buffer.core.problems import joined, nearest
from ding_buffer.core.settings import settings_of, signature_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ding_buffer.core.problems import Problems

# What other systems call our settings: good for a hint in a message, never a second spelling.
FOREIGN_NAMES: dict[str, str] = {
    "replay_buffer_size": "size",
    "replay_buffer_capacity": "size",
    "buffer_size": "size",
    "buffer_capacity": "size",
    "capacity": "size",
    "max_size": "size",
    "maxlen": "size",
    "alpha": "priority_power_factor",
    "beta": "IS_weight_power_factor",
    "anneal_step": "IS_weight_anneal_train_iter",
    "priority_IS_weight": "IS_weight",
}
# The types of a pydantic error that say no more than "not of the allowed type".
_PLAIN_ERRORS = ("_type", "_parsing", "_from_float", "is_instance_of", "literal_error", "none_required")


class Settings(BaseModel):
    """What every derived model shares: an unknown key is an error, only ``strict_type`` converts."""

    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)


class OpenSettings(Settings):
    """The same for a factory that takes ``**kwargs``: it knows its further settings itself."""

    model_config = ConfigDict(extra="allow")


def settings_model(factory: Callable[..., object], given: Collection[str] = ()) -> type[Settings]:
    """Returns the model of the settings of ``factory``, without those in ``given``, which others provide.

    A field is called ``setting_<name>`` and has ``<name>`` as its alias, since pydantic reserves some names.
    Defaults stay with the factory: a field that was not set is not passed.
    """
    fields: dict[str, Any] = {}
    for name, parameter in settings_of(factory).items():
        if name not in given:
            required = parameter.default is inspect.Parameter.empty
            field = Field(alias=name) if required else Field(default=None, alias=name)
            fields[f"setting_{name}"] = (_checkable(parameter.annotation), field)
    kinds = {parameter.kind for parameter in signature_of(factory).parameters.values()}
    title = getattr(factory, "__name__", type(factory).__name__)
    shared = OpenSettings if inspect.Parameter.VAR_KEYWORD in kinds else Settings
    return create_model(title, __base__=shared, **fields)


def read_settings(
    factory: Callable[..., object],
    settings: Mapping[Any, Any],
    path: str,
    problems: Problems,
    given: Collection[str] = (),
    beside: Collection[str] = (),
    elsewhere: Callable[[str], str | None] = lambda key: None,
) -> dict[str, Any] | None:
    """Returns ``settings`` checked and converted, ready for ``factory``; None after noting what is wrong.

    ``path`` is where the settings stand in the config. ``given`` are parameters that others provide,
    ``beside`` keys that may stand there too and were taken out before. ``elsewhere`` may say, for an unknown
    key, where it belongs.
    """
    model = settings_model(factory, given)
    parameters = {name: setting for name, setting in settings_of(factory).items() if name not in given}
    texts = {key: value for key, value in settings.items() if isinstance(key, str)}
    for key in settings:
        if not isinstance(key, str):
            problems.add(path, f"a key is a text, got {got_words(key)}")
    try:
        checked = model.model_validate(texts)
    except ValidationError as error:
        _explain(
            error,
            texts,
            parameters,
            path,
            problems,
            _Known(list(dict.fromkeys([*parameters, *beside])), elsewhere),
        )
        return None
    if len(texts) < len(settings):
        return None
    read = {name: getattr(checked, f"setting_{name}") for name in parameters if name in texts}
    return {**read, **(checked.model_extra or {})}


def _explain(
    error: ValidationError,
    settings: Mapping[str, Any],
    parameters: Mapping[str, inspect.Parameter],
    path: str,
    problems: Problems,
    known: _Known,
) -> None:
    """Turns what pydantic found into one line for each setting."""
    first: dict[str, Any] = {}
    for found in error.errors(include_url=False, include_context=False):
        first.setdefault(str(found["loc"][0]), found)
    unknown = [key for key, found in first.items() if found["type"] == "extra_forbidden"]
    meant = {known.nearest(key) for key in unknown}
    for key, found in first.items():
        if key in unknown:
            problems.add(joined(path, key), known.correct(key))
        elif found["type"] == "missing":
            # A misspelled key is one mistake, not also the lack of the right one.
            if key not in meant:
                problems.add(joined(path, key), f"required, {allowed_words(parameters[key].annotation)}")
        else:
            problems.add(joined(path, key), _wrong_value(found, settings[key], parameters[key].annotation))


@dataclass(frozen=True, slots=True)
class _Known:
    """The keys that are allowed in one place, and where others might belong."""

    keys: Collection[str]
    elsewhere: Callable[[str], str | None]

    def nearest(self, key: str) -> str | None:
        """Returns the key that ``key`` seems to mean, by its name in other systems, else by its letters."""
        foreign = FOREIGN_NAMES.get(key)
        return foreign if foreign in self.keys else nearest(key, self.keys)

    def correct(self, key: str) -> str:
        """Says that ``key`` is unknown and what to write instead."""
        meant = self.nearest(key)
        hint = f"did you mean {meant}?" if meant else ""
        if meant is None or meant != FOREIGN_NAMES.get(key):
            hint = self.elsewhere(key) or hint
        return f"unknown key{'; ' if hint else ''}{hint} (known: {', '.join(self.keys) or 'none'})"


def _wrong_value(found: Mapping[str, Any], value: Any, annotation: Any) -> str:
    if any(found["type"].endswith(ending) for ending in _PLAIN_ERRORS):
        return f"expected {allowed_words(annotation)}, got {got_words(value)}"
    message = str(found["msg"]).removeprefix("Value error, ")
    return f"{message[:1].lower()}{message[1:]}, got {got_words(value)}"


def _checkable(annotation: Any) -> Any:
    """Returns the strict type of ``annotation``, or ``Any`` where pydantic cannot make a check of it."""
    kind = strict_type(annotation)
    try:
        model = create_model("Trial", __base__=Settings, value=(kind, ...))
    except (PydanticUserError, TypeError):
        return Any
    return kind if model.__pydantic_complete__ else Any

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.settings import default_settings, settings_of

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]


class Limit:
    def __init__(
        self, buffer: object = None, max_use: int = 3, *names: str, mode: Literal["a", "b"] = "a", **rest
    ):
        self.max_use = max_use


class Plain:
    pass


class Inheriting(Limit):
    pass


class MadeByNew:
    def __new__(cls, size: int = 4):
        return super().__new__(cls)


class CallableObject:
    def __call__(self, size: int = 4) -> None:
        return None


@dataclass
class Record:
    size: int
    ratio: float = 0.5


def layer(buffer_, start: int | None = None, *, steps: list = [1, 2]):  # noqa: B006
    return buffer_, start, steps


def partly_known(later: Unknown = None, size: int = 1):
    return later, size


def test_the_parameters_that_a_user_names_are_settings() -> None:
    assert ["max_use", "mode"] == list(settings_of(Limit))


def test_the_buffer_a_layer_works_for_is_no_setting() -> None:
    assert ["start", "steps"] == list(settings_of(layer))


def test_annotations_are_resolved_though_written_as_text() -> None:
    settings = settings_of(Limit)

    assert int is settings["max_use"].annotation
    assert Literal["a", "b"] == settings["mode"].annotation


@pytest.mark.parametrize(
    "factory", [Record, MadeByNew, CallableObject(), partial(Record, ratio=1.0), Inheriting]
)
def test_annotations_are_resolved_for_every_kind_of_factory(factory) -> None:
    assert int in {parameter.annotation for parameter in settings_of(factory).values()}


def test_an_annotation_for_type_checkers_only_stays_text_and_spoils_no_other() -> None:
    settings = settings_of(partly_known)

    assert "Unknown" == settings["later"].annotation
    assert int is settings["size"].annotation


def test_a_class_without_a_constructor_has_no_settings() -> None:
    assert {} == settings_of(Plain)


def test_a_setting_without_a_default_is_known_and_has_none() -> None:
    assert inspect.Parameter.empty is settings_of(Record)["size"].default
    assert {"ratio": 0.5} == default_settings(Record)


def test_defaults_are_read_by_attribute_too() -> None:
    assert "a" == default_settings(Limit).mode


def test_changing_a_returned_default_changes_no_later_one() -> None:
    default_settings(layer).steps.append(3)

    assert [1, 2] == default_settings(layer).steps
    assert [1, 2] == layer(None)[2]


def test_what_has_no_signature_is_refused_with_the_reason() -> None:
    with pytest.raises(BadArgument, match="has no signature to read settings from"):
        settings_of(3)  # type: ignore[arg-type]

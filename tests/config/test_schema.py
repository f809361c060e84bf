from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge
from pydantic.errors import PydanticSchemaGenerationError

from ding_buffer.config.schema import FOREIGN_NAMES, read_settings, settings_model
from ding_buffer.core.errors import ConfigError
from ding_buffer.core.problems import Problems
from ding_buffer.core.settings import settings_of


class Thing:
    def __init__(
        self,
        size: int,
        ratio: float = 0.5,
        *,
        mode: Literal["sum", "mix"] = "sum",
        copy: bool = False,
        shape: tuple[int, ...] = (),
        limit: Annotated[int, Ge(1)] = 1,
        thing: Any = None,
    ) -> None:
        self.size = size


class Parsed:
    """A class pydantic cannot make a check of, inside a list."""


def open_ended(size: int = 1, **others: Any) -> Any:
    return size, others


def read(factory: Any, settings: dict, **options: Any) -> Any:
    problems = Problems("it")
    made = read_settings(factory, settings, "middleware[1]", problems, **options)
    problems.raise_if_any()
    return made


def mistakes(factory: Any, settings: dict, **options: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(factory, settings, **options)
    message = str(caught.value)
    return [line.strip() for line in message.splitlines()[1:]] or [message.removeprefix("it: ")]


def test_the_model_has_a_field_for_each_parameter_and_no_other() -> None:
    aliases = [field.alias for field in settings_model(Thing).model_fields.values()]

    assert list(settings_of(Thing)) == aliases


def test_only_what_was_given_is_passed_so_that_defaults_stay_with_the_factory() -> None:
    assert {"size": 3, "copy": True} == read(Thing, {"size": 3, "copy": True})


def test_values_are_converted_as_yaml_needs() -> None:
    assert {"size": 100, "shape": (4, 84)} == read(Thing, {"size": "1e2", "shape": [4, 84]})


def test_a_python_object_passes_as_it_is() -> None:
    thing = object()

    assert thing is read(Thing, {"size": 1, "thing": thing})["thing"]


def test_an_unknown_key_is_told_with_its_path_the_known_ones_and_the_nearest() -> None:
    expected = (
        "middleware[1].ratios: unknown key; did you mean ratio? "
        "(known: size, ratio, mode, copy, shape, limit, thing)"
    )

    assert [expected] == mistakes(Thing, {"size": 1, "ratios": 0.5})


def test_a_misspelled_required_key_is_one_mistake() -> None:
    (mistake,) = mistakes(Thing, {"sizes": 1})

    assert mistake.startswith("middleware[1].sizes: unknown key; did you mean size?")


def test_a_required_key_that_is_missing_is_told() -> None:
    assert ["middleware[1].size: required, a whole number"] == mistakes(Thing, {})


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("size", "two", "expected a whole number, got the text 'two'"),
        ("size", 2.5, "expected a whole number, got 2.5 (float)"),
        ("size", None, "expected a whole number, got null"),
        ("ratio", True, "expected a number, got True (true or false)"),
        ("mode", "max", "expected one of 'sum', 'mix', got the text 'max'"),
        ("copy", 1, "expected true or false, got 1 (int)"),
        ("shape", [4, "a"], "expected a list (of each: a whole number), got [4, 'a'] (list)"),
        ("limit", 0, "input should be greater than or equal to 1, got 0 (int)"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed_and_what_was_given(
    key: str, value: Any, expected: str
) -> None:
    assert [f"middleware[1].{key}: {expected}"] == mistakes(Thing, {"size": 1, key: value})


def test_every_mistake_is_told_at_once() -> None:
    told = mistakes(Thing, {"size": "two", "mode": "max", "copies": True, 3: 4})

    paths = ["middleware[1]", "middleware[1].copies", "middleware[1].mode", "middleware[1].size"]
    assert paths == sorted(line.split(": ")[0] for line in told)


def test_a_key_that_is_no_text_is_a_mistake() -> None:
    assert ["middleware[1]: a key is a text, got 3 (int)"] == mistakes(Thing, {"size": 1, 3: 4})


def test_what_somebody_else_provides_cannot_be_set() -> None:
    (mistake,) = mistakes(Thing, {"size": 1}, given=("size",))

    assert mistake.startswith("middleware[1].size: unknown key")


def test_a_factory_that_takes_any_keyword_gets_any() -> None:
    assert {"size": 2, "colour": "red"} == read(open_ended, {"size": 2, "colour": "red"})


def test_a_key_that_belongs_elsewhere_is_sent_there() -> None:
    (mistake,) = mistakes(Thing, {"size": 1, "max_use": 2}, elsewhere=lambda key: f"put {key} elsewhere")

    assert "unknown key; put max_use elsewhere" in mistake


def test_a_factory_without_settings_says_so() -> None:
    assert ["middleware[1].size: unknown key (known: none)"] == mistakes(Parsed, {"size": 1})


def test_an_annotation_that_cannot_be_checked_lets_everything_pass() -> None:
    def odd(value=None, other=None):
        return value, other

    odd.__annotations__ = {"value": 3, "other": list["Nowhere"]}  # type: ignore[name-defined] # noqa: F821

    assert {"value": "a", "other": [1]} == read(odd, {"value": "a", "other": [1]})


def test_an_annotation_that_pydantic_refuses_lets_everything_pass() -> None:
    class Refused:
        @classmethod
        def __get_pydantic_core_schema__(cls, source, handler):
            raise PydanticSchemaGenerationError("no schema for this")

    def odd(value=None):
        return value

    odd.__annotations__ = {"value": Refused}

    assert {"value": 3} == read(odd, {"value": 3})


@pytest.mark.parametrize("name", [name for name, meant in FOREIGN_NAMES.items() if meant == "size"])
def test_the_spellings_of_other_systems_get_a_hint(name: str) -> None:
    (mistake,) = mistakes(Thing, {name: 100})

    assert mistake.startswith(f"middleware[1].{name}: unknown key; did you mean size?")


def test_a_key_that_stands_beside_the_settings_is_known_too() -> None:
    (mistake,) = mistakes(Parsed, {"storag": "object"}, beside=("storage", "middleware"))

    assert "middleware[1].storag: unknown key; did you mean storage? (known: storage, middleware)" == mistake

from __future__ import annotations

import collections.abc
import enum
import pathlib
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from ding_buffer.config.wording import allowed_words, got_words


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "a whole number"),
        (float, "a number"),
        (bool, "true or false"),
        (str, "a text"),
        (Any, "anything"),
        ("Unknown", "anything"),
        (int | None, "a whole number or null"),
        (Literal["sum", "mix"], "one of 'sum', 'mix'"),
        (Literal["only"], "'only'"),
        (Literal["sum", None], "one of 'sum', null"),
        (list[int], "a list (of each: a whole number)"),
        (collections.abc.Sequence[float], "a list (of each: a number)"),
        (tuple[int, ...], "a list (of each: a whole number)"),
        (tuple[int, str], "a list of 2 (a whole number, a text)"),
        (dict[str, int], "a mapping"),
        (collections.abc.Callable[[int], int], "a function (a Python object)"),
        (Annotated[float, "unit"], "a number"),
        (Colour, "one of 'red', 'blue'"),
        (pathlib.Path, "a path"),
        (np.random.Generator, "a Generator (a Python object)"),
        (type[int], "a type (a Python object)"),
    ],
)
def test_what_is_allowed_is_said_in_words(annotation: Any, words: str) -> None:
    assert words == allowed_words(annotation)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "True (true or false)"),
        (3, "3 (int)"),
        ({"a": 1}, "{'a': 1} (mapping)"),
        ("two", "the text 'two'"),
        ("100", "the text '100'; write a number without quotes"),
        ("None", "the text 'None'; YAML spells it null"),
    ],
)
def test_what_was_given_is_said_with_advice_where_yaml_misleads(value: object, words: str) -> None:
    assert words == got_words(value)


def test_a_long_value_is_cut_short() -> None:
    assert len(got_words("x" * 10_000)) < 100

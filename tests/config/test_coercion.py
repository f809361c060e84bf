from __future__ import annotations

import collections.abc
import enum
import inspect
import pathlib
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

import numpy as np
import pytest
from annotated_types import Gt
from pydantic import ConfigDict, TypeAdapter, ValidationError

from ding_buffer.config.coercion import strict_type

INFINITE = float("inf")


class Colour(enum.Enum):
    RED = "red"


class Silent(Protocol):
    def put(self) -> None: ...


@runtime_checkable
class Checked(Protocol):
    def put(self) -> None: ...


class Putter:
    def put(self) -> None:
        return None


def read(annotation: Any, value: Any) -> Any:
    config = ConfigDict(strict=True, arbitrary_types_allowed=True)
    return TypeAdapter(strict_type(annotation), config=config).validate_python(value)


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (float, 2, 2.0),
        (float, INFINITE, INFINITE),
        (float, "1e5", 100000.0),
        (float, "-2E-3", -0.002),
        (float | None, "1e5", 100000.0),
        (int, "1e5", 100000),
        (int, 1e5, 100000),
        (int | None, 1e5, 100000),
        (list[int], ["1e2", 3], [100, 3]),
        (dict[str, float], {"a": "1e2"}, {"a": 100.0}),
        (tuple[int, ...], [4, 84], (4, 84)),
        (tuple, [4, "a"], (4, "a")),
        (tuple[int, str], [4, "a"], (4, "a")),
        (set[str], ["a"], {"a"}),
        (frozenset, ["a"], frozenset({"a"})),
        (pathlib.Path, "runs/a", pathlib.Path("runs/a")),
        (Colour, "red", Colour.RED),
        (Colour, Colour.RED, Colour.RED),
        (Annotated[int, Gt(0)], "1e2", 100),
        (collections.abc.Sequence[str], ["a"], ["a"]),
        (collections.abc.Iterable[str], ["a"], ["a"]),
        (Literal["sum", None], None, None),
        (inspect.Parameter.empty, "1e5", "1e5"),
        ("Unknown", "1e5", "1e5"),
    ],
)
def test_what_yaml_cannot_write_is_converted(annotation: Any, value: Any, expected: Any) -> None:
    made = read(annotation, value)

    assert expected == made
    assert type(expected) is type(made)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, "4"),
        (int, True),
        (int, 2.5),
        (int, INFINITE),
        (int, "25e-1"),
        (float, "2"),
        (float, "inf"),
        (float, True),
        (bool, 1),
        (bool, "yes"),
        (str, 3),
        (collections.abc.Sequence[str], "ab"),
        (Colour, "green"),
        (Literal["sum", "mix"], "max"),
        (Annotated[int, Gt(0)], 0),
        (np.random.Generator, 3),
        (collections.abc.Callable[[int], int], 3),
        (collections.abc.Iterable[str], 3),
        (Checked, 3),
    ],
)
def test_nothing_else_is_converted(annotation: Any, value: Any) -> None:
    with pytest.raises(ValidationError):
        read(annotation, value)


@pytest.mark.parametrize(
    ("annotation", "value", "kind"),
    [
        (int | float, 2, int),
        (int | float, 2.0, float),
        (int | float, "1e5", float),
        (str | float, "1e5", str),
        (int | str | None, "1e5", str),
    ],
)
def test_a_union_keeps_what_already_is_a_member(annotation: Any, value: Any, kind: type) -> None:
    assert kind is type(read(annotation, value))


def test_python_objects_pass_as_they_are() -> None:
    generator, function, putter = np.random.default_rng(0), len, Putter()

    assert generator is read(int | np.random.Generator | None, generator)
    assert function is read(collections.abc.Callable[[list], int], function)
    assert putter is read(Checked, putter)


@pytest.mark.parametrize("protocol", [Silent, Checked])
def test_what_fulfils_a_protocol_is_recognised_by_its_methods(protocol: type) -> None:
    putter = Putter()

    assert putter is read(protocol, putter)
    with pytest.raises(ValidationError):
        read(protocol, 3)

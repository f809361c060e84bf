"""Mappings with known fields as rows, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from ding_buffer.core.errors import BadArgument, MissingPayloadField

Row = tuple[Any, ...]


class FieldRows:
    """Turns a mapping into a tuple of the values of ``names``, in their order.

    A missing field is refused before anything is stored, so that columns never get out of step. Others are
    left out or, where the keys are to be ``exact``, refused too.
    """

    def __init__(self, names: Iterable[str], exact: bool = False) -> None:
        if isinstance(names, (str, bytes)):
            raise BadArgument(
                f"The fields are several names, got the one text {names!r}: give a list, [{names!r}]."
            )
        self.names = tuple(dict.fromkeys(names))  # a generator can be read only once
        for name in self.names:
            if not isinstance(name, str):
                raise BadArgument(f"The name of a field is a str, got {name!r}.")
        self.exact = exact
        self._keys = set(self.names)
        self.quick: Callable[[Any], Row] = _getter(self.names)
        """Makes the row of a dict that is known to be one; raises ``KeyError`` for a missing field."""

    def __reduce__(self) -> Any:
        """Copies are made anew: ``quick`` cannot be pickled."""
        return FieldRows, (self.names, self.exact)

    def row(self, step: Mapping[str, Any]) -> Row:
        """Returns the values of one mapping; raises what is wrong with it."""
        if not isinstance(step, Mapping):
            raise BadArgument(
                f"step_data is a mapping with the fields {self.names}, got {type(step).__name__}."
            )
        if self.exact and step.keys() != self._keys:
            raise BadArgument(f"Data keys {set(step)} do not match expected keys {self._keys}")
        if not self._keys <= step.keys():  # a defaultdict would make up what is missing
            raise self.missing(step)
        return self.quick(step)

    def missing(self, step: Mapping[str, Any]) -> MissingPayloadField:
        """Returns the error for a mapping that lacks a field."""
        name = next(name for name in self.names if name not in step)
        return MissingPayloadField(f"Required data {name!r} not found in step_data")

    def step(self, row: Row) -> dict[str, Any]:
        """Returns the mapping of one row."""
        return dict(zip(self.names, row, strict=True))

    def columns(self, rows: Sequence[Row]) -> dict[str, list[Any]]:
        """Returns the values of many rows by field."""
        return {name: [row[place] for row in rows] for place, name in enumerate(self.names)}


def _getter(names: Row) -> Callable[[Any], Row]:
    if len(names) > 1:
        return itemgetter(*names)
    if not names:
        return lambda step: ()
    (name,) = names
    return lambda step: (step[name],)

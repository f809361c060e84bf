"""Flags of payloads, in whatever form they come, as bools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.number_forms import float_column

Flags = npt.NDArray[np.bool_]

_SINGLE = {bool, int, float, type(None)}


def flags_of(values: Sequence[Any], name: str) -> tuple[Flags, Flags | bool]:
    """Returns flags of any form as bools, and which are there: all (True), or not those that are None.

    Raises ``BadArgument`` naming the field ``name`` where one of them is several.
    """
    kinds = set(map(type, values))
    try:
        flags = np.array(values if kinds <= _SINGLE else list(map(bool, values)), dtype=bool)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadArgument(f"the values of {name!r} are not one flag each: {error}") from error
    if type(None) not in kinds:
        return flags, True
    return flags, np.array([value is not None for value in values], dtype=bool)


def flag_column(column: Any, shape: tuple[int, ...], name: str) -> tuple[Flags, Flags | bool]:
    """Returns a column of flags, an array or tensor with one for each place of ``shape``, in the same way."""
    if getattr(column.dtype, "hasobject", False):
        flags, there = flags_of(list(column.reshape(-1)), name)
        return flags.reshape(shape), there if there is True else np.reshape(there, shape)
    try:
        flags = column if column.dtype == np.bool_ else float_column(column) != 0
        return flags.reshape(shape), True
    except (TypeError, ValueError) as error:
        raise BadArgument(f"the values of {name!r} are not one flag each: {error}") from error

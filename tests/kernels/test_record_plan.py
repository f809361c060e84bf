from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ding_buffer.core.item import BufferedData
from tests.kernels.push_kinds import KINDS


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


class Key(str):
    __slots__ = ()


class Array(np.ndarray):
    pass


def table(**changes):
    options: dict[str, Any] = {"shape": (3, 8), "dtype": np.uint8, **changes}
    return np.zeros(**options)


def read_only():
    array = table()
    array.flags.writeable = False
    return array


GOOD = ("a", "f", 4, 2, (2,), 0, 0)


@pytest.mark.parametrize(
    ("fields", "tables", "versions", "error", "message"),
    [
        ((GOOD,), (read_only(),), None, ValueError, "a table is uint8"),
        ((GOOD,), (table(dtype=np.int8),), None, ValueError, "a table is uint8"),
        ((GOOD,), (table(shape=8),), None, ValueError, "a table is uint8"),
        ((GOOD,), (table(shape=(6, 16))[::2, ::2],), None, ValueError, "a table is uint8"),
        ((GOOD,), ([[0] * 8],), None, TypeError, "numpy array"),
        ((GOOD,), (table().view(Array),), None, TypeError, "numpy array"),
        ((GOOD,), (table(),), [0, 0, 0], TypeError, "numpy array"),
        ((GOOD,), (table(),), np.zeros(3), ValueError, "versions are int64"),
        ((GOOD,), (table(),), np.zeros((3, 1), dtype=np.int64), ValueError, "versions are int64"),
        ((GOOD,), [table()], None, TypeError, r"."),
        ([GOOD], (table(),), None, TypeError, r"."),
        (([*GOOD],), (table(),), None, TypeError, "a field is a tuple"),
        ((GOOD[:6],), (table(),), None, TypeError, r"."),
        (((3, *GOOD[1:]),), (table(),), None, TypeError, r"."),
        (((Key("a"), *GOOD[1:]),), (table(),), None, TypeError, "the key of a field is a str"),
        ((GOOD, GOOD), (table(),), None, ValueError, "two fields have the same key"),
        ((("a", "M", 8, 1, (), 0, 0),), (table(),), None, ValueError, "'M' is not a kind of number"),
        ((("a", "F", 8, 1, (), 0, 0),), (table(),), None, ValueError, "'F' is not a kind of number"),
        ((("a", "O", 8, 1, (), 0, 0),), (table(),), None, ValueError, "'O' is not a kind of number"),
        ((("a", "f4", 4, 1, (), 0, 0),), (table(),), None, ValueError, "'f4' is not a kind of number"),
        ((("a", "é", 4, 1, (), 0, 0),), (table(),), None, ValueError, "'é' is not a kind of number"),
        ((("a", "f", 8, 1, (), 0, 0),), (table(),), None, ValueError, "its items have 4 bytes, not 8"),
        ((("a", "f", 4, 3, (2,), 0, 0),), (table(),), None, ValueError, "does not have 3 elements"),
        ((("a", "f", 4, 1, (-1, -1), 0, 0),), (table(),), None, ValueError, "does not have 1 elements"),
        (
            (("a", "f", 4, 0, (1 << 40, 1 << 40), 0, 0),),
            (table(),),
            None,
            ValueError,
            "does not have 0 elements",
        ),
        ((("a", "f", 4, 3, (3,), 0, 0),), (table(),), None, ValueError, "reaches beyond the 8 bytes"),
        ((("a", "f", 4, 2, (2,), 1, 0),), (table(),), None, ValueError, "reaches beyond the 8 bytes"),
        ((("a", "f", 4, 2, (2,), -1, 0),), (table(),), None, ValueError, "reaches beyond the 8 bytes"),
        ((("a", "f", 4, 1 << 61, (1 << 61,), 0, 0),), (table(),), None, ValueError, "reaches beyond"),
        ((("a", "f", 4, 2, (2,), 0, 1),), (table(),), None, ValueError, "there is no table 1"),
        ((("a", "f", 4, 2, (2,), 0, -1),), (table(),), None, ValueError, "there is no table -1"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(kind, fields, tables, versions, error, message):
    with pytest.raises(error, match=message):
        kind.FastPush(kind.RingCounter(3), kind.Mutex(), BufferedData, print, (fields, tables), versions)

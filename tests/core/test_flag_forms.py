from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.flag_forms import flag_column, flags_of


def told(found: Any) -> tuple[Any, Any]:
    flags, there = found
    return flags.tolist(), there if there is True else there.tolist()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([True, 0, 2.5], ([True, False, True], True)),
        ([np.bool_(True), np.zeros(1), np.array(1)], ([True, False, True], True)),
        ([True, None], ([True, False], [True, False])),
    ],
)
def test_flags_of_any_form_are_bools_and_none_is_not_there(values: Any, expected: Any) -> None:
    assert expected == told(flags_of(values, "done"))
    column = np.empty(len(values), dtype=object)
    column[:] = values
    assert expected == told(flag_column(column, (len(values),), "done"))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_columns_take_the_shape_that_is_asked_for(dtype: Any) -> None:
    column = np.array([[1], [0]], dtype=dtype)

    assert ([[True, False]], True) == told(flag_column(column, (1, 2), "done"))


def test_columns_may_be_tensors() -> None:
    torch = pytest.importorskip("torch")

    for dtype in (torch.bool, torch.float32):
        flags, _ = flag_column(torch.tensor([1, 0], dtype=dtype), (2,), "done")
        assert [True, False] == np.asarray(flags).tolist()


def test_several_where_one_is_expected_are_named() -> None:
    with pytest.raises(BadArgument, match="'done' are not one flag each"):
        flags_of([np.zeros(2)], "done")
    with pytest.raises(BadArgument, match="'done' are not one flag each"):
        flag_column(np.zeros((3, 2), dtype=bool), (3,), "done")
    with pytest.raises(BadArgument, match="'done' are not one flag each"):
        flag_column(np.array(["yes"]), (1,), "done")

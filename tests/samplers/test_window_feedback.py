from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument, BadPriority
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.samplers.priority_intake import PriorityIntake
from ding_buffer.samplers.window_feedback import feedback
from ding_buffer.samplers.window_shape import WindowShape
from ding_buffer.structures.index_text import IndexText

SHAPE = WindowShape(1, 2, True, True)
TEXTS: list[list[Any]] = [["a", "b", "c"], [None, "d", None]]
FORMS = [
    TEXTS,
    [text for row in TEXTS for text in row],
    np.array([[0, 1, 2], [-1, 3, -1]]),
    IndexColumn(np.array([0, 1, 2, -1, 3, -1]), IndexText()),
]


def asked(index, priority, data=None, **meta):
    return feedback(SHAPE, PriorityIntake(100.0), index, data, {"priority": priority, **meta})


@pytest.mark.parametrize("index", FORMS)
@pytest.mark.parametrize(
    ("priority", "expected", "meant"),
    [
        ([1, 2, 3, 4, 5, 6], [1, 2, 3, 5], [1, 1, 1, 0, 1, 0]),
        (np.arange(6.0).reshape(2, 3), [0, 1, 2, 4], [1, 1, 1, 0, 1, 0]),
        ([[1, 2], [3, 4]], [1, 2, 3], [0, 1, 1, 0, 1, 0]),
        ([7.0, 8.0], [7, 7, 8], [0, 1, 1, 0, 1, 0]),
        (9, [9, 9, 9, 9], [1, 1, 1, 0, 1, 0]),
    ],
)
def test_fillers_are_left_out_and_windows_spread(index, priority, expected, meant):
    found = asked(index, priority)

    assert expected == found.meta["priority"].tolist()
    assert [bool(one) for one in meant] == found.meant.tolist()
    assert sum(meant) == len(found.index)


def test_what_needs_no_change_stays_as_it_is():
    column = IndexColumn(np.arange(3), IndexText())
    found = asked(column, [1.0, 2.0, 3.0], note=[1, 2, 3])

    assert found.index is column
    assert [1, 2, 3] == found.meta["note"]
    assert found.meant.all()


def test_payloads_and_other_keys_go_with_their_items():
    found = asked(TEXTS, [7.0, 8.0], data=list("uvwxyz"), note=list(range(6)), tag="t")

    assert ["b", "c", "d"] == found.index
    assert ["v", "w", "y"] == found.data
    assert [1, 2, 4] == found.meta["note"]
    assert ["t"] * 3 == found.meta["tag"]


@pytest.mark.parametrize("priority", [[1.0] * 5, [1.0] * 3, []])
def test_what_fits_nothing_is_refused(priority):
    with pytest.raises(BadArgument, match="values for 6 items"):
        asked(TEXTS, priority)


def test_what_is_no_array_or_no_index_is_refused():
    with pytest.raises(BadArgument, match="no array"):
        asked(TEXTS, [[1.0], [1.0, 2.0]])
    for index in (3, ["a", 3]):
        with pytest.raises(BadArgument, match="An index is a str"):
            asked(index, 1.0)


def test_bad_priorities_are_refused():
    with pytest.raises(BadPriority, match="'x'"):
        asked(["a"], ["x"])
    with pytest.raises(BadPriority, match="-1"):
        asked(["a", "b"], np.array([1, -1]))

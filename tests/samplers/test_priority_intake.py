from __future__ import annotations

import math

import numpy as np
import pytest

from ding_buffer.core.errors import BadPriority
from ding_buffer.samplers.priority_intake import PriorityIntake

BAD = [math.nan, math.inf, -1.0, 11.0, "3", b"3", None, [1.0], 10**400]


@pytest.mark.parametrize("value", [0, 2.5, np.float32(2), np.int64(3), True, np.array(2.5)])
def test_one_that_can_be_weighed_is_a_float(value):
    assert float(value) == PriorityIntake(10.0).checked(value)


def test_an_array_of_one_is_one_and_another_is_none():
    assert 2.0 == PriorityIntake(10.0).checked(np.array([[2.0]]))
    for many in (np.ones(2), np.empty(0)):
        with pytest.raises(BadPriority, match="finite number"):
            PriorityIntake(10.0).checked(many)


@pytest.mark.parametrize("bad", BAD)
def test_one_that_cannot_be_is_refused(bad):
    with pytest.raises(BadPriority, match="finite number"):
        PriorityIntake(10.0).checked(bad)


@pytest.mark.parametrize(
    "many", [[1.0, 2.0], [1, 2.0], np.array([1, 2]), np.array([1, 2], dtype=np.float32), (1.0, 2)]
)
def test_many_are_float64(many):
    checked = PriorityIntake(10.0).checked_all(many)

    assert [1.0, 2.0] == checked.tolist()
    assert np.float64 == checked.dtype


@pytest.mark.parametrize("bad", BAD)
def test_one_bad_one_of_many_is_named(bad):
    with pytest.raises(BadPriority):
        PriorityIntake(10.0).checked_all([1.0, bad])
    with pytest.raises(BadPriority, match=r"-1\.0"):
        PriorityIntake(10.0).checked_all(np.array([1.0, -1.0, 2.0]))


def test_none_at_all_are_none():
    assert (0,) == PriorityIntake(10.0).checked_all([]).shape == PriorityIntake(1.0).usable([], None).shape


@pytest.mark.parametrize("as_array", [True, False])
def test_of_what_metas_tell_the_sound_ones_are_used_and_the_others_counted(as_array):
    intake = PriorityIntake(10.0)
    values = [1.0, 4.0, math.nan, -2.0, 99.0]
    there = np.array([True, True, True, False, True])
    found = intake.usable(np.array(values) if as_array else values, there)

    assert [1.0, 4.0, None, None, None] == [None if math.isnan(one) else one for one in found.tolist()]
    assert 2 == intake.poisoned
    assert 4.0 == intake.max_priority


def test_what_says_nothing_is_not_counted():
    intake = PriorityIntake(10.0)

    assert np.isnan(intake.usable([None, None], None)).all()
    assert intake.usable_one(None) is None
    assert (0, 1.0) == (intake.poisoned, intake.max_priority)


def test_one_from_a_meta_raises_the_highest_or_is_counted():
    intake = PriorityIntake(10.0)

    assert [0.5, 7.0, None] == [intake.usable_one(value) for value in (0.5, 7, "x")]
    assert (1, 7.0) == (intake.poisoned, intake.max_priority)


@pytest.mark.parametrize(
    ("values", "there", "expected"),
    [
        ([None, 4.0, None, 2.0, None], None, [3.0, 4.0, 4.0, 2.0, 4.0]),
        (np.array([9.0, 5.0, 1.0]), np.array([False, True, False]), [3.0, 5.0, 5.0]),
        (["bad", 1], None, [3.0, 1.0]),
        (np.array([1.0, 2.0]), None, [1.0, 2.0]),
        ([], None, []),
    ],
)
def test_a_new_item_without_a_priority_gets_the_highest_that_came_before_it(values, there, expected):
    intake = PriorityIntake(10.0)
    intake.max_priority = 3.0

    assert expected == intake.given(values, there).tolist()
    assert max(3.0, *expected, 0.0) == intake.max_priority

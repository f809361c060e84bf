"""What a field takes and how it keeps it; tensors: see the other file."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.errors import BadArgument, SchemaError
from ding_buffer.core.ragged import RaggedColumn
from ding_buffer.storages.field import Field, as_array, path_name, shown

U8 = Field(("pixel",), "array", np.dtype(np.uint8))
F4 = Field(("obs",), "array", np.dtype(np.float32), (4,))
TOKENS = Field(("tokens",), "ragged", np.dtype(np.int64), (None,))
POINTS = Field(("points",), "ragged", np.dtype(np.float32), (None, 3))
NAME = Field(("name",), "object")


def test_one_of_another_length_is_told_how_a_length_may_vary():
    with pytest.raises(SchemaError) as refused:
        F4.fit(np.zeros(3, np.float32))

    wrong = "obs: expected float32 of shape (4,), got float32 of shape (3,)"
    assert f"{wrong} (a field of any length is Ragged in a spec)." == str(refused.value)


@pytest.mark.parametrize(
    ("value", "kind", "dtype", "shape"),
    [
        (True, "array", "?", ()),
        (3, "array", "i8", ()),
        (2**63 - 1, "array", "i8", ()),
        (0.5, "array", "f8", ()),
        (1j, "array", "c16", ()),
        (np.float32(1), "array", "f4", ()),
        (np.datetime64("2020-01-01"), "array", "M8[D]", ()),
        (np.zeros((2, 3), np.uint8), "array", "u1", (2, 3)),
        (np.zeros(2, ">f4"), "array", "<f4", (2,)),
        (np.zeros((), np.int16), "array", "i2", ()),
        (np.zeros(2, [("a", "i4")]), "array", [("a", "i4")], (2,)),
        (np.array(["ab"]), "array", "U2", (1,)),
        (2**63, "object", "O", ()),
        ("text", "object", "O", ()),
        (np.str_("text"), "object", "O", ()),
        (b"bytes", "object", "O", ()),
        (None, "object", "O", ()),
        ({1, 2}, "object", "O", ()),
        (np.array([None, "a"]), "object", "O", ()),
        (np.zeros(2, [("a", "O")]), "object", "O", ()),
        (np.ma.masked_array([1.0], [True]), "object", "O", ()),
    ],
)
def test_the_first_value_decides(value, kind, dtype, shape):
    field = Field.of(("x",), value)

    assert Field(("x",), kind, np.dtype(dtype), shape) == field


class Foreign:
    """An array of another library."""

    def __array__(self, dtype=None, copy=None):
        return np.arange(3, dtype=np.int16)

    def __dlpack__(self):
        raise NotImplementedError


def test_arrays_of_other_libraries_are_arrays():
    field = Field.of(("x",), Foreign())

    assert Field(("x",), "array", np.dtype(np.int16), (3,)) == field
    np.testing.assert_array_equal([0, 1, 2], field.fit(Foreign()))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ((), "the payload"),
        (("obs",), "obs"),
        (("obs", "camera"), "obs.camera"),
        ((2,), "[2]"),
        (("obs", 0, "x"), "obs[0].x"),
        (("two words",), "['two words']"),
        ((None, 1.5), "[None][1.5]"),
    ],
)
def test_a_path_is_written_as_one_would_reach_the_value(path, name):
    assert name == path_name(path)
    assert name == Field(path, "object").name


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (U8, 300.7, "pixel: expected one uint8, got 300.7; uint8 holds whole numbers from 0 to 255."),
        (U8, 256, "pixel: expected one uint8, got 256; uint8 holds whole numbers from 0 to 255."),
        (U8, np.int64(-1), "pixel: expected one uint8, got -1; uint8 holds whole numbers from 0 to 255."),
        (U8, float("nan"), "pixel: expected one uint8, got nan; uint8 holds whole numbers from 0 to 255."),
        (U8, "7", "pixel: expected one uint8, got the str '7'."),
        (U8, None, "pixel: expected one uint8, got None."),
        (U8, [1], "pixel: expected one uint8, got int64 of shape (1,)."),
        (U8, np.zeros(1, np.uint8), "pixel: expected one uint8, got uint8 of shape (1,)."),
        (U8, 1j, "pixel: expected one uint8, got complex128 1j."),
        (U8, object(), "pixel: expected one uint8, got an object."),
        (F4, np.zeros((2, 4)), "obs: expected float32 of shape (4,), got float64 of shape (2, 4)."),
        (F4, 1.0, "obs: expected float32 of shape (4,), got float64 1.0."),
        (F4, np.zeros(4, "U1"), "obs: expected float32 of shape (4,), got <U1 of shape (4,)."),
        (F4, [1, 2, [3], 4], "obs: expected float32 of shape (4,), got a list of 4."),
        (F4, [1, 2, None, 4], "obs: expected float32 of shape (4,), got a list of 4."),
        (F4, {"a": 1}, "obs: expected float32 of shape (4,), got a dict of 1."),
        (
            F4,
            np.ma.masked_array(np.zeros(4), [True, False, False, False]),
            "obs: expected float32 of shape (4,), got masked float64 of shape (4,).",
        ),
        (
            F4,
            np.array([0, 0, 1e39, 0]),
            "obs: expected float32 of shape (4,), got 1e+39 at [2]; float32 holds numbers up to 3.40282e+38.",
        ),
        (TOKENS, 5, "tokens: expected int64 of shape (any,), got int64 5."),
        (TOKENS, [0.5], "tokens: expected int64 of shape (any,), got 0.5 at [0]; int64 holds whole numbers"),
        (
            POINTS,
            np.zeros((2, 2)),
            "points: expected float32 of shape (any, 3), got float64 of shape (2, 2).",
        ),
    ],
)
def test_a_refusal_names_the_field_and_what_was_expected_and_got(field, value, message):
    for fit in (field.fit, field.fitter()):
        with pytest.raises(SchemaError) as refused:
            fit(value)
        assert str(refused.value).startswith(message)


def test_a_refusal_is_a_bad_argument():
    with pytest.raises(BadArgument):
        U8.fit("text")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (U8, 7),
        (U8, True),
        (U8, 7.0),
        (U8, np.uint8(7)),
        (U8, np.int64(7)),
        (U8, np.float32(7)),
        (U8, np.array(7)),
        (F4, np.arange(4, dtype=np.float32)),
        (F4, np.arange(4)),
        (F4, np.array([0.1, np.nan, np.inf, -np.inf])),
        (F4, [0, 1.5, True, 3]),
        (F4, (0, 1, 2, 3)),
        (F4, np.arange(8, dtype=">f8")[::2]),
        (TOKENS, [1, 2, 3]),
        (TOKENS, np.zeros(0)),
        (POINTS, np.zeros((5, 3))),
    ],
)
def test_what_fits_keeps_its_values(field, value):
    for fit in (field.fit, field.fitter()):
        fitted = np.asarray(fit(value)).astype(field.dtype)
        np.testing.assert_array_equal(np.asarray(value).astype(field.dtype), fitted)


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1])
def test_whole_numbers_that_numpy_would_round_are_no_list_of_floats(value):
    field = Field((), "array", np.dtype(np.int64), (2,))

    assert [value, 0] == list(field.fit([value, 0]))
    with pytest.raises(SchemaError, match="the payload: expected int64 of shape"):
        field.fit([2**63, -1])


@given(
    value=st.integers() | st.floats() | st.booleans(),
    dtype=st.sampled_from(["?", "i1", "u2", "i4", "u8", "f2", "f4", "f8", "c8"]),
)
def test_the_short_way_decides_as_the_long_one(value, dtype):
    field = Field(("x",), "array", np.dtype(dtype))

    assert outcome(field.fit, value) == outcome(field.fitter(), value)


def outcome(fit, value):
    try:
        return repr(fit(value))
    except SchemaError as refused:
        return str(refused)


def test_objects_are_taken_as_they_are():
    value = {"any": object()}

    assert value is NAME.fit(value)
    assert value is NAME.fitter()(value)


MIXED = st.lists(
    st.sampled_from(
        [
            *(0, 1, 255, 256, -1, True, 2.0, 2.5, 1e300, 2**63, 2**64, float("nan"), None, "7", [1]),
            *(np.int8(-1), np.uint64(2**63), np.float32(0.1), np.array(3), np.array([3])),
        ]
    ),
    max_size=4,
)


@given(values=MIXED, dtype=st.sampled_from(["?", "u1", "i8", "u8", "f4", "f8"]))
def test_rows_fit_where_each_of_them_does_alone(values, dtype):
    field = Field(("x",), "array", np.dtype(dtype))
    alone = [outcome(field.fit, value) for value in values]
    wrong = [row for row, text in enumerate(alone) if text.startswith("x: expected")]

    if not wrong:
        column = field.fit_rows(values)
        assert (np.dtype(dtype), (len(values),)) == (column.dtype, column.shape)
        for value, held in zip(values, column, strict=True):
            np.testing.assert_array_equal(np.asarray(value).astype(dtype), held)
    else:
        with pytest.raises(SchemaError) as refused:
            field.fit_rows(values)
        assert alone[wrong[0]].replace("x:", f"x in row {wrong[0]}:") == str(refused.value)


@given(
    values=st.lists(st.sampled_from([0.0, 1.0, 0.5, 255.0, 256.0, -1.0, np.nan, 1e300]), max_size=6),
    dtype=st.sampled_from(["?", "u1", "i8", "f4", "f8"]),
    source=st.sampled_from(["f8", "i2"]),
)
def test_a_column_fits_where_each_row_does(values, dtype, source):
    field = Field(("x",), "array", np.dtype(dtype), (2,))
    with np.errstate(invalid="ignore", over="ignore"):
        column = np.array([[0, value] for value in values], dtype=np.float64).reshape(-1, 2).astype(source)
    alone = [outcome(field.fit, row) for row in column]
    wrong = [row for row, text in enumerate(alone) if text.startswith("x: expected")]

    if not wrong:
        fitted = field.fit_column(column, len(values))
        assert fitted.flags.c_contiguous
        assert field.dtype == fitted.dtype
        np.testing.assert_array_equal(column.astype(dtype), fitted)
    else:
        with pytest.raises(SchemaError) as refused:
            field.fit_column(column, len(values))
        expected = alone[wrong[0]].replace("x:", f"x in row {wrong[0]}:")
        assert expected == str(refused.value)


@pytest.mark.parametrize(
    ("field", "column", "message"),
    [
        (F4, np.zeros((3, 3)), "obs: expected 3 rows of float32 of shape (4,), got float64 of shape (3, 3)."),
        (F4, np.zeros((2, 4)), "obs: expected 3 rows of float32 of shape (4,), got float64 of shape (2, 4)."),
        (F4, 1.0, "obs: expected 3 rows of float32 of shape (4,), got 1.0."),
        (U8, [0, "a", 1], "pixel: expected 3 rows of one uint8, got a list of 3."),
        (U8, np.array([0, 1j, 2]), "pixel: expected 3 rows of one uint8, got complex128 of shape (3,)."),
        (U8, [0, 1, 300], "pixel in row 2: expected one uint8, got 300; uint8 holds whole numbers from 0 to"),
        (NAME, "abc", "name: expected 3 rows of an object, got the str 'abc'."),
        (NAME, ["a", "b"], "name: expected 3 rows of an object, got a list of 2."),
        (NAME, 7, "name: expected 3 rows of an object, got 7."),
        (TOKENS, [[1], [0.5], []], "tokens in row 1: expected int64 of shape (any,), got 0.5 at [0]; int64"),
        (TOKENS, [[1]], "tokens: expected 3 rows of int64 of shape (any,), got a list of 1."),
    ],
)
def test_a_refused_column_says_why(field, column, message):
    with pytest.raises(SchemaError) as refused:
        field.fit_column(column, 3)

    assert str(refused.value).startswith(message)


def test_columns_of_objects_keep_what_they_hold():
    held = [[1, 2], [3, 4], "text"]

    assert held == NAME.fit_column(held, 3)
    assert ["a", "bc"] == NAME.fit_column(np.array(["a", "bc"]), 2)
    assert [None, [1]] == NAME.fit_column(np.fromiter([None, [1]], dtype=object), 2)
    assert held == NAME.fit_rows(held)
    assert held == NAME.delivered(NAME.fit_rows(held)).tolist()


def test_columns_of_varying_length_come_as_lists_or_as_a_ragged_column():
    rows = [np.array([1, 2]), np.array([], dtype=np.int64), np.array([3])]

    for column in (rows, RaggedColumn.of(rows, np.int64)):
        made = TOKENS.delivered(TOKENS.fit_column(column, 3))
        assert RaggedColumn.of(rows, np.int64) == made


def test_a_column_that_fits_as_it_is_costs_no_copy():
    column = np.zeros((3, 4), np.float32)

    assert column is F4.delivered(F4.fit_column(column, 3))
    assert np.float32 == F4.fit_column(column.astype(np.float64), 3).dtype


def test_a_field_counts_its_numbers_and_bytes():
    assert (4, 16) == (F4.count, F4.nbytes)
    assert (1, 1) == (U8.count, U8.nbytes)
    assert (0, 0) == (TOKENS.count, TOKENS.nbytes)
    assert (0, 0) == (NAME.count, NAME.nbytes)


@pytest.mark.parametrize("field", [U8, F4, TOKENS, NAME])
def test_a_field_survives_copying_and_pickling(field):
    assert field == copy.deepcopy(field)
    assert field == pickle.loads(pickle.dumps(field))
    assert hash(field) == hash(pickle.loads(pickle.dumps(field)))


def test_what_is_no_number_is_no_array():
    assert as_array("7") is None
    assert as_array(b"7") is None
    assert as_array(object()) is None
    assert as_array([[1], [2, 3]]) is None


def test_long_values_are_shown_shortened():
    assert 60 > len(shown("x" * 1000))
    assert "a ragged column of 1" == shown(RaggedColumn(np.zeros(2), [2]))

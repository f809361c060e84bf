from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.storages.cells import column_in, reader, writer
from ding_buffer.storages.field import Field
from ding_buffer.storages.object_column import ObjectColumn, RaggedSlots


@given(
    name=st.sampled_from(["?", "u1", "f2", "i4", "f8", "c16", "M8[s]", "U3"]),
    shape=st.sampled_from([(), (1,), (3,), (2, 2), (2, 0)]),
    gap=st.integers(0, 5),
    rows=st.integers(0, 4),
)
def test_a_column_is_a_view_on_its_bytes_in_every_row(name, shape, gap, rows):
    field = Field(("x",), "array", np.dtype(name), shape)
    table = np.zeros((rows, field.nbytes + 2 * gap), np.uint8)

    column = column_in(table, gap, field)
    column[...] = np.ones(shape, np.int8).astype(name)

    assert (field.dtype, (rows, *shape)) == (column.dtype, column.shape)
    for row, value in zip(table, column, strict=True):
        assert value.tobytes() == row[gap : gap + field.nbytes].tobytes()
        assert not row[:gap].any()
        assert not row[gap + field.nbytes :].any()


@pytest.mark.parametrize("offset", [-1, 5, 100])
def test_a_field_beyond_the_row_is_refused(offset):
    with pytest.raises(ValueError, match="x lies outside the row"):
        column_in(np.zeros((2, 8), np.uint8), offset, Field(("x",), "array", np.dtype(np.int32)))


@pytest.mark.parametrize(
    ("name", "shape", "value", "kind"),
    [
        ("f8", (), 0.5, float),
        ("f8", (), np.float32(0.5), float),
        ("i8", (), True, int),
        ("?", (), 1, bool),
        ("f4", (), 0.5, np.float32),
        ("u1", (), np.array(7.0), np.uint8),
        ("f4", (2,), [1, 2], np.ndarray),
        ("u1", (2,), np.array([1.0, 2.0]), np.ndarray),
    ],
)
def test_a_value_that_fits_comes_back(name, shape, value, kind):
    field = Field(("x",), "array", np.dtype(name), shape)
    column = np.zeros((3, *shape), name)

    writer(field, column)(1, field.fit(value))
    back = reader(field, column)(1)

    assert kind is type(back)
    np.testing.assert_array_equal(value, back)
    assert not column[[0, 2]].any()


def test_objects_and_ragged_fields_go_to_their_column():
    objects, ragged = ObjectColumn(), RaggedSlots(np.dtype(np.int16), ())
    field = Field(("x",), "ragged", np.dtype(np.int16), (None,))

    writer(Field(("x",), "object"), objects)(2, "text")
    writer(field, ragged)(1, [1, 2])

    assert "text" == reader(Field(("x",), "object"), objects)(2)
    assert [1, 2] == reader(field, ragged)(1).tolist()
    assert reader(field, ragged)(1) is not ragged.row(1)


def test_tensors_go_in_as_arrays_and_come_out_as_tensors():
    torch = pytest.importorskip("torch")
    for dtype in (torch.float32, torch.bfloat16):
        field = Field.of(("x",), torch.zeros(2, dtype=dtype))
        column = np.zeros((3, 2), field.dtype)

        writer(field, column)(1, torch.ones(2, dtype=dtype, requires_grad=True))

        assert torch.equal(torch.ones(2, dtype=dtype), reader(field, column)(1))
        assert not reader(field, column)(1).requires_grad

"""Fields of tensors."""

from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.core.errors import SchemaError
from ding_buffer.storages.field import Field


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def test_tensors_of_every_dtype_come_back(torch):
    for dtype in (torch.float32, torch.float16, torch.int64, torch.bool, torch.uint8, torch.complex64):
        field = Field.of(("x",), torch.ones(3, dtype=dtype))
        assert ("tensor", (3,), False) == (field.kind, field.shape, field.raw)
        assert f"torch.{field.torch}" == str(dtype)


def test_a_tensor_field_takes_tensors_with_a_graph_and_arrays(torch):
    field = Field.of(("x",), torch.zeros(2))
    graph = torch.ones(2, requires_grad=True) * 2

    for value in (graph, torch.full((2,), 2.0), np.full(2, 2.0), [2, 2], torch.full((2,), 2)):
        np.testing.assert_array_equal([2.0, 2.0], field.fit(value))


def test_an_array_field_takes_tensors(torch):
    field = Field(("obs",), "array", np.dtype(np.float32), (4,))

    np.testing.assert_array_equal([1, 1, 1, 1], field.fit(torch.ones(4, dtype=torch.float64)))
    np.testing.assert_array_equal([1, 1, 1, 1], field.fit(torch.ones(4, dtype=torch.bfloat16)))
    with pytest.raises(SchemaError, match="got float32 of shape \\(3,\\)"):
        field.fit(torch.ones(3))


def test_bfloat16_is_kept_as_its_bytes(torch):
    field = Field.of(("x",), torch.zeros(2, dtype=torch.bfloat16))
    values = [1.5, float("nan")]

    assert (np.dtype(np.uint16), "bfloat16", True) == (field.dtype, field.torch, field.raw)
    column = field.fit_rows([torch.tensor(values, dtype=torch.bfloat16), np.array(values), values])
    delivered = field.delivered(column)
    assert torch.bfloat16 == delivered.dtype
    np.testing.assert_array_equal([values] * 3, delivered.float().numpy())
    assert torch.equal(delivered.nan_to_num(), field.delivered(field.fit_column(delivered, 3)).nan_to_num())


def test_what_bfloat16_cannot_hold_is_refused(torch):
    field = Field.of(("x",), torch.zeros((), dtype=torch.bfloat16))

    assert 1.0 == float(field.fit(1))
    with pytest.raises(SchemaError, match="x: expected one bfloat16 tensor, got 1e\\+39, which is more than"):
        field.fit(1e39)
    with pytest.raises(SchemaError, match="x: expected one bfloat16 tensor, got the str 'a'"):
        field.fit("a")
    with pytest.raises(SchemaError, match="x: expected one bfloat16 tensor, got a bfloat16 tensor of shape"):
        field.fit(torch.zeros(2, dtype=torch.bfloat16))
    with pytest.raises(SchemaError, match="x: expected 3 rows of one bfloat16 tensor, got a bfloat16 tensor"):
        field.fit_column(torch.zeros(2, dtype=torch.bfloat16), 3)


def test_tensors_that_have_no_memory_are_objects(torch):
    assert "object" == Field.of((), torch.zeros(2, device="meta")).kind


def test_sparse_tensors_come_dense(torch):
    field = Field.of((), torch.eye(2).to_sparse())

    np.testing.assert_array_equal(np.eye(2), field.fit(torch.eye(2).to_sparse()))


def test_tensors_are_stacked_whatever_they_come_from(torch):
    field = Field.of(("x",), torch.zeros(2))
    graph = torch.ones(2, requires_grad=True) * 2
    for values in (
        [torch.ones(2), graph],
        [torch.ones(2), torch.full((2,), 2)],
        [torch.ones(2), np.full(2, 2.0)],
        [torch.ones(2), torch.full((2,), 2.0).to_sparse()],
    ):
        column = field.fit_rows(values)
        assert ([[1.0, 1.0], [2.0, 2.0]], np.float32) == (column.tolist(), column.dtype)
        assert column.flags.writeable
    with pytest.raises(SchemaError, match=r"x in row 1: expected float32 tensor of shape \(2,\)"):
        field.fit_rows([torch.ones(2), torch.ones(3)])

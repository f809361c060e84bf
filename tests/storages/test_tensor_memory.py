from __future__ import annotations

import sys

import numpy as np
import pytest

from ding_buffer.core.errors import MissingExtra
from ding_buffer.storages.tensor_memory import (
    array_dtype,
    array_to_tensor,
    dtype_name,
    tensor_like,
    tensor_to_array,
)


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("name", "dtype", "raw"),
    [
        ("float32", np.float32, False),
        ("bool", np.bool_, False),
        ("int64", np.int64, False),
        ("complex64", np.complex64, False),
        ("bfloat16", np.uint16, True),
        ("float8_e4m3fn", np.uint8, True),
    ],
)
def test_a_torch_dtype_lies_in_a_numpy_dtype_of_as_many_bytes(name, dtype, raw):
    assert (np.dtype(dtype), raw) == array_dtype(name)


@pytest.mark.parametrize("name", ["quint8", "complex32", "object", "str", "float"])
def test_what_numpy_cannot_hold_has_no_dtype(name):
    assert array_dtype(name) is None


def test_a_tensor_and_its_array_share_memory(torch):
    tensor = torch.zeros(3)

    array = tensor_to_array(tensor)
    array[0] = 1
    back = array_to_tensor(array, "float32")
    back[1] = 2

    assert [1.0, 2.0, 0.0] == tensor.tolist()


def test_a_tensor_loses_its_graph(torch):
    tensor = torch.ones(2, requires_grad=True) * 3

    assert [3.0, 3.0] == tensor_to_array(tensor).tolist()


def test_a_conjugated_or_negated_view_gives_its_values(torch):
    tensor = torch.tensor([1 + 2j])

    assert [1 - 2j] == tensor_to_array(tensor.conj()).tolist()
    assert [-2.0] == tensor_to_array(tensor.conj().imag).tolist()


@pytest.mark.parametrize("name", ["bfloat16", "float8_e5m2", "float32", "bool"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 2)])
def test_bytes_come_back_as_the_tensor_they_were(torch, name, shape):
    if not hasattr(torch, name):
        pytest.skip(f"this torch has no {name}")
    tensor = torch.ones(shape).to(getattr(torch, name))

    back = array_to_tensor(tensor_to_array(tensor, raw=True), name)

    assert name == dtype_name(back)
    assert shape == tuple(back.shape)
    assert torch.equal(tensor.float(), back.float())


def test_values_of_a_dtype_that_numpy_lacks_are_float32(torch):
    array = tensor_to_array(torch.tensor([1.5], dtype=torch.bfloat16))

    assert (np.dtype(np.float32), [1.5]) == (array.dtype, array.tolist())


def test_arrays_and_tensors_become_tensors_of_a_dtype(torch):
    assert torch.bfloat16 == tensor_like(np.float64(1), "bfloat16").dtype
    assert [1.5] == tensor_like(torch.tensor([1.5], requires_grad=True), "float16").tolist()


def test_without_torch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)

    with pytest.raises(MissingExtra, match="torch"):
        array_to_tensor(np.zeros(1), "float32")

"""Many payloads as columns, and back."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.buffers import structure
from ding_buffer.buffers.table import pack, unpack
from ding_buffer.core.errors import BadArgument, CorruptSnapshot, MissingExtra


def packed(values):
    """The description, as JSON gives it back, and the arrays."""
    arrays: list[np.ndarray] = []

    def save(array):
        arrays.append(array)
        return len(arrays) - 1

    return json.loads(json.dumps(pack(values, save))), arrays


def back(values):
    description, arrays = packed(values)
    return unpack(description, arrays.__getitem__)


VALUES = [
    None,
    True,
    -7,
    2**80,
    -(2**63),
    0.1,
    float("-inf"),
    "text",
    b"",
    1 + 2j,
    {"a": [1, (2.5, None)]},
    np.float32(1.5),
    np.bool_(True),
    np.str_("text"),
    np.bytes_(b"text"),
    np.datetime64("2020-01-01"),
    np.timedelta64(3, "D"),
    np.complex64(1j),
    np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])[0],
    np.array(7),
    np.zeros((0, 4)),
    np.arange(6, dtype=np.int16).reshape(2, 3).T,
    np.arange(3, dtype=">f4"),
    np.array([("a", 1)], dtype=[("name", "U4"), ("n", "i4")]),
    np.array(["2020-01-01"], dtype="M8[D]"),
    np.array([None, "x", 3], dtype=object),
    list(range(300)),
    [{"step": number, "obs": np.full(2, number)} for number in range(100)],
    (list(range(70)), *range(99)),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__} {value!r:.20}")
def test_every_kind_of_value_comes_back_as_it_was(value):
    values = [value, "between", value]
    made = back(values)

    assert repr(values) == repr(made)
    for one in made[::2]:
        assert type(value) is type(one)
        if isinstance(value, (np.ndarray, np.generic)):
            assert (value.dtype, value.shape) == (one.dtype, one.shape)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@given(st.lists(PLAIN, max_size=80))
def test_any_plain_values_come_back_in_their_order(values):
    assert values == back(values)


def test_values_of_one_structure_are_one_table_of_one_array_a_leaf():
    description, arrays = packed([{"obs": np.full(3, row), "reward": 0.5 * row} for row in range(1000)])

    assert 1 == len(description["tables"])
    assert [(1000, 3), (1000,), (1000,)] == [array.shape for array in arrays]
    assert [0] * 1000 == arrays[description["which"]].tolist()


def test_values_of_several_structures_are_as_many_tables_and_keep_their_order():
    values = [1, "a", 2, None, "b", 3, {"x": 1}]
    description, _ = packed(values)

    assert ["int", "str", "none"] == [table["structure"] for table in description["tables"][:3]]
    assert 4 == len(description["tables"])
    assert values == back(values)


def test_no_values_are_no_tables():
    description, arrays = packed([])

    assert [] == description["tables"] == back([])
    assert 1 == len(arrays)


def test_numbers_beyond_64_bits_are_written_out():
    values = [1, 2**63, -(2**64)]
    description, _ = packed(values)

    assert [values] == description["tables"][0]["columns"]
    assert values == back(values)


def test_what_comes_back_shares_no_memory():
    description, arrays = packed([np.full(3, row) for row in range(4)])
    made = unpack(description, arrays.__getitem__)
    made[0][:] = 9

    assert all(one.base is None or one.base.size == 3 for one in made)
    assert [1, 2, 3] == [one[0] for one in made[1:]]
    assert not any(np.shares_memory(one, array) for one in made for array in arrays)


def test_a_record_that_comes_back_is_of_its_own():
    record = np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])[0]
    description, arrays = packed([record, record])
    first, second = unpack(description, arrays.__getitem__)
    first["a"] = 9

    assert 1 == second["a"]
    assert [1, 1] == arrays[0]["a"].tolist()


def test_tensors_come_back_with_dtype_shape_and_requires_grad():
    torch = pytest.importorskip("torch")
    tensors = [
        torch.arange(6.0).reshape(2, 3).T,
        torch.tensor(3, dtype=torch.int16),
        torch.ones(2, dtype=torch.bfloat16),
        torch.zeros(0, 3),
        torch.ones(2, requires_grad=True),
        torch.tensor([True, False]),
        torch.ones(2, requires_grad=True) * 2,
    ]
    for values in (tensors, tensors * 2):
        for tensor, made in zip(values, back(values), strict=True):
            assert (tensor.dtype, tensor.shape, tensor.requires_grad) == (
                made.dtype,
                made.shape,
                made.requires_grad,
            )
            assert torch.equal(tensor, made)


@pytest.mark.parametrize("kind", ["float32", "bfloat16", "complex64", "int16", "bool", "uint8"])
def test_tensors_of_a_machine_of_the_other_byte_order_come_back(kind):
    torch = pytest.importorskip("torch")
    tensor = torch.tensor([1, 0, 3]).to(getattr(torch, kind))
    description, arrays = packed([tensor])
    foreign = [array.byteswap().view(array.dtype.newbyteorder()) for array in arrays]

    assert torch.equal(tensor, unpack(description, foreign.__getitem__)[0])


def test_a_tensor_that_comes_back_is_of_its_own():
    torch = pytest.importorskip("torch")
    description, arrays = packed([torch.ones(2), torch.ones(2)])
    first, second = unpack(description, arrays.__getitem__)
    first[0] = 5.0

    assert [1.0, 1.0] == second.tolist()


def test_without_torch_a_tensor_in_a_file_names_the_extra(monkeypatch):
    torch = pytest.importorskip("torch")
    description, arrays = packed([torch.ones(2)])
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"pip install 'ding_buffer\[torch\]'"):
        unpack(description, arrays.__getitem__)


def in_itself():
    payload: list = []
    payload.append(payload)
    return payload


def deep_in_itself():
    payload: dict = {"steps": list(range(100))}
    payload["steps"][50] = payload
    return payload


@pytest.mark.parametrize("payload", [in_itself(), deep_in_itself()], ids=["short", "long"])
def test_a_payload_that_holds_itself_is_refused(payload):
    with pytest.raises(BadArgument, match="holds itself cannot be written"):
        packed([1, payload])


@pytest.mark.parametrize("payload", [object(), [object()] * 100, [[{"a": object()}] * 100]])
def test_what_cannot_be_written_is_refused_however_deep_it_lies(payload):
    with pytest.raises(BadArgument, match="cannot be written"):
        packed([1, payload])


class Temperature:
    """A class that only its user can take apart."""

    def __init__(self, degrees):
        self.degrees = degrees


def test_a_registered_class_is_columns_of_what_it_is_taken_apart_to(monkeypatch):
    monkeypatch.setattr(structure, "_CUSTOM", {})
    structure.register_payload(
        Temperature, lambda value: {"degrees": value.degrees}, lambda d: Temperature(**d)
    )
    values = [{"outside": Temperature(0.5 * row)} for row in range(100)]
    description, arrays = packed(values)
    made = unpack(description, arrays.__getitem__)

    assert (1, (100,)) == (len(description["tables"]), arrays[0].shape)
    assert [0.5 * row for row in range(100)] == [one["outside"].degrees for one in made]
    structure._CUSTOM.clear()
    with pytest.raises(CorruptSnapshot, match="Temperature, which nobody registered"):
        unpack(description, arrays.__getitem__)


# Tables that somebody made up.


def test_columns_of_different_lengths_are_told():
    description, arrays = packed([{"a": 1, "b": 2.0}, {"a": 3, "b": 4.0}])
    for column in (np.array([1.0]), np.array([1.0, 2.0, 3.0])):
        with pytest.raises(CorruptSnapshot, match="columns of different lengths"):
            unpack(description, [arrays[0], column, arrays[2]].__getitem__)
    description["tables"][0]["columns"].append(0)
    with pytest.raises(ValueError, match="longer"):
        unpack(description, arrays.__getitem__)


def test_a_row_of_a_table_that_is_not_there_is_told():
    description, arrays = packed([1, 2])
    for rows in ([0, 0, 1], [0, 0, -1]):
        with pytest.raises(ValueError, match=r"longer|negative"):
            unpack(description, [arrays[0], np.array(rows)].__getitem__)


@pytest.mark.parametrize("column", [np.array([b"a", b"b"]), np.zeros(2), np.zeros(2, np.int32)])
def test_a_column_of_numbers_that_holds_others_is_told(column):
    description, arrays = packed([1, 2])
    with pytest.raises(CorruptSnapshot, match="A column of int of the file holds"):
        unpack(description, [column, arrays[1]].__getitem__)


def test_fewer_rows_than_a_column_holds_are_told():
    description, arrays = packed([1, 2])
    with pytest.raises(CorruptSnapshot, match="different lengths"):
        unpack(description, [arrays[0], np.array([0])].__getitem__)


@pytest.mark.parametrize("structure", ["mystery", ["list", ["mystery"]], ["dict", ["a"], ["mystery"]]])
def test_a_leaf_of_a_kind_that_nobody_knows_is_named(structure):
    description, arrays = packed([1, 2])
    description["tables"][0]["structure"] = structure
    with pytest.raises(CorruptSnapshot, match="holds a 'mystery', which this version cannot make"):
        unpack(description, arrays.__getitem__)


def test_a_container_of_a_kind_that_nobody_knows_is_named():
    description, arrays = packed([[1], [2]])
    description["tables"][0]["structure"][0] = "mystery"
    with pytest.raises(CorruptSnapshot, match="holds a 'mystery'"):
        unpack(description, arrays.__getitem__)

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.ragged import RaggedColumn
from ding_buffer.storages.column_table import ColumnTable, aligned_zeros
from ding_buffer.storages.layout import Placement, RowLayout
from ding_buffer.storages.schema import Schema
from ding_buffer.storages.schema_spec import Ragged, Spec
from tests.storages.filled_table import SPEC, built, filled, payload, slots_of
from tests.storages.payloads import payload_makers, same

LAYOUTS = st.sampled_from(["aligned", "compact"])


class Twin:
    """The same as a list of payloads."""

    def __init__(self, make, capacity, layout):
        self.schema = Schema.of(make(1))
        self.make = make
        self.table = ColumnTable(self.schema, capacity, layout)
        self.rows: dict[int, Any] = {}

    def write(self, slot, row):
        self.table.write(slot, self.schema.fit(self.make(row)))
        self.rows[slot] = self.make(row)

    def write_many(self, slots, rows):
        self.table.write_many(slots_of(*slots), self.schema.stacked_rows([self.make(row) for row in rows]))
        self.rows.update({slot: self.make(row) for slot, row in zip(slots, rows, strict=True)})

    def check(self):
        for slot, expected in self.rows.items():
            assert same(expected, numbered(expected, built(self.table, slot)))
            single = [self.table.value_of(slot, field.path) for field in self.schema.fields]
            assert same(expected, numbered(expected, self.schema.build(single, trees=True)))
        slots = sorted(self.rows, reverse=True)
        columns = self.schema.stacked_rows([self.rows[slot] for slot in slots])
        taken = self.table.take(slots_of(*slots))
        for expected, column in zip(self.schema.delivered(columns), taken, strict=True):
            assert same(expected, column)
            assert column.flags.c_contiguous
            assert column.flags.writeable
            assert not any(np.shares_memory(column, held) for held in self.table.tables)


def numbered(expected, value):
    """Gives arrays of shape () back, which come as numbers."""
    if isinstance(expected, np.ndarray) and expected.shape == ():
        return np.array(value, dtype=expected.dtype)
    if isinstance(expected, np.generic):
        return expected.dtype.type(value)
    if isinstance(expected, dict):
        made = copy.copy(value)
        for key in expected:
            made[key] = numbered(expected[key], value[key])
        return made
    if isinstance(expected, (list, tuple)):
        parts = [numbered(one, other) for one, other in zip(expected, value, strict=True)]
        return expected._make(parts) if hasattr(expected, "_make") else type(expected)(parts)
    if hasattr(expected, "__dataclass_fields__"):
        return type(expected)(
            *[numbered(part, getattr(value, name)) for name, part in vars(expected).items()]
        )
    return value


@given(make=payload_makers(), layout=LAYOUTS, data=st.data())
def test_rows_come_back_as_from_a_list_of_payloads(make, layout, data):
    twin = Twin(make, 6, layout)
    twin.check()
    slot = st.integers(0, 5)
    for _ in range(data.draw(st.integers(0, 4))):
        slots = data.draw(st.lists(slot, max_size=6, unique=True))
        rows = data.draw(st.lists(st.integers(0, 9), min_size=len(slots), max_size=len(slots)))
        if len(slots) == 1:
            twin.write(slots[0], rows[0])
        else:
            twin.write_many(slots, rows)
        twin.check()


@given(layout=LAYOUTS, slots=st.lists(st.integers(0, 9), max_size=20))
def test_rows_are_taken_in_the_order_asked(layout, slots):
    table = filled(layout=layout)

    columns = table.schema.build(table.take(slots_of(*slots)))

    rows = [payload(slot) for slot in slots]
    for key in ("obs", "action", "reward", "image"):
        assert columns[key].dtype == table.schema.fields[list(SPEC).index(key)].dtype
        assert [np.asarray(row[key]).tolist() for row in rows] == columns[key].tolist()
    assert RaggedColumn.of([row["tokens"] for row in rows], np.int16) == columns["tokens"]
    assert [row["info"] for row in rows] == columns["info"].tolist()


def test_single_numbers_are_pythons_where_python_has_them():
    schema = Schema.of([True, 1, 0.5, np.float32(0.5), np.uint8(3), np.zeros(2), np.datetime64("2020")])
    table = ColumnTable(schema, 2)
    table.write(1, [True, 1, 0.5, np.float32(0.5), np.uint8(3), np.ones(2), np.datetime64("2021")])

    row = table.row(1)

    assert [bool, int, float, np.float32, np.uint8, np.ndarray, np.datetime64] == [type(leaf) for leaf in row]
    assert [True, 1, 0.5, 0.5, 3] == row[:5]


def test_what_is_taken_is_the_callers():
    table = filled()
    row, columns = built(table, 3), table.schema.build(table.take(slots_of(3, 4)))

    for held in (row["obs"], row["image"], row["tokens"], columns["obs"], columns["tokens"].values):
        held[...] = 99
    for key in ("action", "reward", "image"):
        columns[key][...] = 99

    assert all(same(payload(slot)[key], built(table, slot)[key]) for slot in (3, 4) for key in SPEC)


def test_a_structured_scalar_is_no_view_on_the_table():
    value = np.zeros((), [("a", "i4"), ("b", "f8")])
    table = ColumnTable(Schema.of(value), 2)
    table.write(0, [value])

    (row,) = table.row(0)
    row["a"] = 5

    assert value == table.row(0)[0]


def test_what_is_written_may_change_afterwards():
    table, given_away = filled(count=0), payload(3)

    table.write(0, table.schema.fit(given_away))
    given_away["obs"][...] = given_away["image"][...] = given_away["tokens"][...] = 99

    assert all(same(payload(3)[key], built(table, 0)[key]) for key in SPEC)


def test_objects_are_kept_by_reference_and_copied_when_taken_twice():
    table = filled()
    info = table.row(2)[5]

    taken = table.take(slots_of(2, 1, 2))[5]

    assert info is taken[0]
    assert [[2], [1], [2]] == taken.tolist()
    assert taken[2] is not taken[0]


def test_of_a_slot_named_twice_the_last_row_stays():
    table = filled(count=0)

    table.write_many(slots_of(1, 2, 1), table.schema.stacked_rows([payload(row) for row in (5, 6, 7)]))

    assert 7 == built(table, 1)["action"]
    assert [7] == built(table, 1)["info"]


@pytest.mark.parametrize("layout", ["aligned", "compact"])
def test_many_rows_in_a_row_are_written_at_once(layout):
    table = ColumnTable(Schema.from_spec({"a": np.int32, "b": (np.float64, (2,))}), 3000, layout)
    rows = {"a": np.arange(2000, dtype=np.int32), "b": np.arange(4000.0).reshape(2000, 2)}

    for slots in (np.arange(500, 2500), np.r_[2000:3000, 0:1000], np.random.default_rng(0).permutation(2000)):
        table.write_many(slots, table.schema.stacked(rows))

        for expected, column in zip(rows.values(), table.take(slots), strict=True):
            np.testing.assert_array_equal(expected, column)


def test_what_was_taken_can_be_written():
    table, other = filled(), filled(count=0, layout="compact")

    other.write_many(slots_of(1, 0), table.take(slots_of(3, 4)))

    assert all(same(payload(slot)[key], built(other, 4 - slot)[key]) for slot in (3, 4) for key in SPEC)


# Memory.


def test_a_record_is_a_cache_line_or_as_small_as_can_be():
    spec = {"obs": Spec("f4", 4), "act": "i4", "rew": "f4", "next_obs": Spec("f4", 4), "done": bool}
    schema = Schema.from_spec(spec)

    for layout, size in (("aligned", 64), ("compact", 41)):
        table = ColumnTable(schema, 100, layout)
        assert [(100, size)] == [part.shape for part in table.tables]
        assert 100 * size == table.nbytes
        assert 7 * size == table.used_bytes(7)
        assert 0 == table.tables[0].ctypes.data % 64


def test_objects_and_ragged_fields_count_by_what_they_hold():
    table = filled(count=0)
    empty = table.nbytes

    table.write(3, table.schema.fit(payload(3)))

    assert empty == 10 * (32 + 400)
    assert empty + 2 * 4 * 8 + 3 * 2 == table.nbytes
    assert 432 + 2 * 8 + 3 * 2 == table.used_bytes(1)


def test_dropped_rows_let_go_of_their_objects():
    table = filled()

    table.drop([1, 2])

    assert [None, None, [3]] == [table.column(("info",)).row(slot) for slot in (1, 2, 3)]
    assert table.nbytes < filled().nbytes
    table.clear()
    assert 10 * (32 + 400) == table.nbytes


def test_memory_comes_from_whom_it_is_asked():
    asked: list[Any] = []

    def allocate(name, shape, dtype):
        asked.append((name, shape, dtype))
        return np.zeros(shape, dtype)

    table = ColumnTable(
        Schema.from_spec({"a": np.int32, "b": {"c": (np.float32, (100,))}}), 5, "compact", allocate
    )

    assert [("records", (5, 4), np.dtype(np.uint8)), ("b.c", (5, 100), np.dtype(np.float32))] == asked
    table.write(2, [7, np.ones(100, np.float32)])
    assert 7 == table.row(2)[0]


def test_a_memmap_can_hold_the_rows(tmp_path):
    def allocate(name, shape, dtype):
        return np.memmap(tmp_path / name, dtype, "w+", shape=shape)

    table = ColumnTable(Schema.from_spec({"a": np.int32, "b": (np.float32, (100,))}), 5, "aligned", allocate)
    table.write(2, [7, np.ones(100, np.float32)])

    assert np.ndarray is type(table.row(2)[1])
    assert np.ndarray is type(table.take(slots_of(2))[1])
    assert np.ndarray is type(table.tables[0])
    assert 7 == np.fromfile(tmp_path / "records", np.int32)[2 * 2]


def test_zeros_begin_at_a_cache_line():
    for shape in ((1, 1), (1000, 41)):
        zeros = aligned_zeros("records", shape, np.dtype(np.uint8))
        assert (shape, 0) == (zeros.shape, zeros.ctypes.data % 64)
        assert not zeros.any()


def test_a_field_over_all_slots_is_a_view():
    table = filled()

    column = table.column(("obs",))
    column[5] = 42

    assert (10, 4) == column.shape
    assert [42.0] * 4 == table.row(5)[0].tolist()
    assert (10, 20, 20) == table.column(["image"]).shape
    assert [5] == table.column(("info",)).row(5)
    with pytest.raises(BadArgument, match=r"There is no field \('no',\), only \[\('obs',\), "):
        table.column(("no",))


def test_two_fields_may_lie_in_one_place():
    schema = Schema.from_spec({"a": np.int32, "b": np.int32})
    table = ColumnTable(schema, 4, RowLayout((8,), (Placement(0, 0), Placement(0, 0)), True))

    table.write(1, [5, 6])

    assert [6, 6] == table.row(1)
    assert [[6], [6]] == [column.tolist() for column in table.take(slots_of(1))]


def test_a_table_without_rows_is_refused():
    with pytest.raises(BadArgument, match=r"^A table has at least one row, got a capacity of 0\.$"):
        ColumnTable(Schema.of(1), 0)


# What a faster function needs to know.


def test_a_flat_dict_of_numbers_can_be_written_by_plan():
    schema = Schema.from_spec({"a": np.float32, "image": (np.uint8, (20, 20)), "b": (np.int64, (2,))})
    table = ColumnTable(schema, 4, "compact")

    plan = table.plan()

    assert plan is not None
    fields, tables = plan
    assert (
        ("a", "f", 4, 1, (), 16, 0),
        ("image", "B", 1, 400, (20, 20), 0, 1),
        ("b", np.dtype(np.int64).char, 8, 2, (2,), 0, 0),
    ) == fields
    assert all(one is other for one, other in zip(table.tables, tables, strict=True))
    for part, size in zip(tables, (20, 400), strict=True):
        assert ((4, size), np.dtype(np.uint8)) == (part.shape, part.dtype)
        assert part.flags.c_contiguous
        assert part.flags.writeable
    tables[0][2, 16:20] = np.frombuffer(np.float32(1.5).tobytes(), np.uint8)
    assert 1.5 == table.row(2)[0]


@pytest.mark.parametrize(
    "spec",
    [
        {"a": object},
        {"a": Ragged(np.int64)},
        {"a": "M8[s]"},
        {"a": "U3"},
        {"a": np.longdouble},
        {"a": np.complex64},
        {1: np.int64},
        {"a": {"b": np.int64}},
        [np.int64],
        np.int64,
    ],
)
def test_no_other_payload_can_be_written_by_plan(spec):
    if spec == {"a": np.longdouble} and np.dtype(np.longdouble).itemsize == 8:
        pytest.skip("a long double is a double here")

    assert ColumnTable(Schema.from_spec(spec), 2).plan() is None


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda table: pickle.loads(pickle.dumps(table))])
def test_a_copy_has_memory_of_its_own(copied):
    table = filled(layout="compact")

    other = copied(table)
    table.write(3, table.schema.fit(payload(9)))
    table.write(9, table.schema.fit(payload(2)))

    assert all(same(payload(slot)[key], built(other, slot)[key]) for slot in range(10) for key in SPEC)
    other.write(1, other.schema.fit(payload(6)))
    assert 6 == built(other, 1)["action"] == other.take(slots_of(1))[1][0]
    assert 1 == built(table, 1)["action"]


# Tensors.


def test_tensors_come_back_as_tensors():
    torch = pytest.importorskip("torch")
    rows = [
        {
            "a": torch.full((2,), float(row)),
            "b": torch.tensor(row, dtype=torch.bfloat16),
            "image": torch.full((30, 30), row, dtype=torch.uint8),
            "flag": torch.tensor(row % 2 == 0),
        }
        for row in range(4)
    ]
    schema = Schema.of(rows[0])
    table = ColumnTable(schema, 5, "compact")
    table.write(0, schema.fit({**rows[0], "a": (torch.ones(2, requires_grad=True) - 1)}))
    table.write_many(slots_of(1, 2, 3), schema.stacked(rows[1:]))
    table.write_many(slots_of(4), table.take(slots_of(3)))
    table.write(2, schema.leaves(rows[2]))

    columns = schema.build(table.take(slots_of(3, 0, 4)))

    for key, column in columns.items():
        assert torch.equal(torch.stack([rows[row][key] for row in (3, 0, 3)]), column)
        assert rows[0][key].dtype == column.dtype
    for slot in range(4):
        row = built(table, slot)
        assert all(torch.equal(rows[slot][key], row[key]) for key in row)
        assert not any(leaf.requires_grad for leaf in row.values())
    assert table.plan() is None
    restored = ColumnTable(schema, 3)
    restored.load(np.arange(2), table.state(slots_of(1, 2)))
    assert torch.equal(rows[2]["b"], built(restored, 1)["b"])

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.storages.meta_table import MetaTable, columns_of_state, meta_array

CAPACITY = 6
KEYS = st.sampled_from(["a", "b", "c"])
SLOTS = st.integers(0, CAPACITY - 1)
VALUES = st.one_of(
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**63 - 1, -(2**63), 2**63, 2**64 - 1, 10**30]),
    st.sampled_from([0.0, -1.5, float("inf"), 1e-300]),
    st.sampled_from(["", "text", None, (1, 2), b"x"]),
    st.lists(st.integers(0, 1), max_size=2),
)
METAS = st.dictionaries(KEYS, VALUES, max_size=3)


def alike(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)


def distinct(draw, **sizes):
    return draw(st.lists(SLOTS, unique=True, **sizes))


class Both:
    """A table and a list of dicts, None for a slot that nobody has used."""

    def __init__(self):
        self.table = MetaTable(CAPACITY)
        self.twin: list[dict | None] = [None] * CAPACITY

    def check(self) -> None:
        used = [slot for slot, meta in enumerate(self.twin) if meta is not None]
        for slot in used:
            assert same(self.twin[slot] or {}, self.table.row(slot))
        for slots in (used, used[::-1], used[:1] * 3):
            self.look(np.array(slots, dtype=np.int64))

    def look(self, slots: np.ndarray) -> None:
        metas = [self.twin[slot] for slot in slots.tolist()]
        columns, absent = self.table.take(slots)
        assert not len(slots) or {key for meta in metas for key in meta} == set(columns)
        for key, column in columns.items():
            lacking = absent.get(key, np.zeros(len(slots), bool))
            assert [key not in meta for meta in metas] == lacking.tolist()
            for meta, value in zip(metas, column.tolist(), strict=True):
                assert key not in meta or alike(meta[key], value)
        for key in ("a", "b", "c"):
            values, there = self.table.get(slots, key)
            known = [False] * len(slots) if values is None else [True] * len(slots)
            known = known if there is None else there.tolist()
            assert [key in meta for meta in metas] == known
            for meta, one in zip(metas, range(len(slots)), strict=True):
                assert key not in meta or alike(meta[key], values.tolist()[one])

    def put(self, draw) -> None:
        slot, meta = draw(SLOTS), draw(METAS)
        self.table.put(slot, meta)
        self.twin[slot] = dict(meta)

    def put_many(self, draw) -> None:
        slots = distinct(draw, min_size=1)
        metas = draw(st.lists(METAS, min_size=len(slots), max_size=len(slots)))
        columns = {}
        for key in dict.fromkeys(key for meta in metas for key in meta):
            there = np.array([key in meta for meta in metas])
            columns[key] = ([meta.get(key) for meta in metas], None if there.all() else there)
        self.table.put_many(np.array(slots), columns)
        for slot, meta in zip(slots, metas, strict=True):
            self.twin[slot] = dict(meta)

    def set(self, draw) -> None:
        used = [slot for slot, meta in enumerate(self.twin) if meta is not None]
        if not used:
            return
        slots = draw(st.lists(st.sampled_from(used), min_size=1, max_size=8))
        key = draw(KEYS)
        values: Any = draw(
            st.one_of(
                st.lists(VALUES, min_size=len(slots), max_size=len(slots)),
                st.sampled_from(["f4", "f8", "i2", "i8", "u8", "?"]).map(
                    lambda name: np.arange(len(slots)).astype(name)
                ),
            )
        )
        self.table.set(np.array(slots), key, values)
        listed = values.tolist() if isinstance(values, np.ndarray) else values
        for slot, value in zip(slots, listed, strict=True):
            meta = self.twin[slot]
            assert meta is not None
            meta[key] = value

    def drop(self, draw) -> None:
        slots = distinct(draw)
        self.table.drop(np.array(slots, dtype=np.int64))
        for slot in slots:
            self.twin[slot] = None

    def clear(self, draw) -> None:
        self.table.clear()
        self.twin = [None] * CAPACITY

    def move(self, draw) -> None:
        """Goes on in a new table that was filled from the state, in other slots."""
        slots = [slot for slot, meta in enumerate(self.twin) if meta is not None][::-1]
        columns = columns_of_state(
            copy.deepcopy(self.table.state(np.array(slots, dtype=np.int64))), len(slots)
        )
        twin, self.twin = self.twin, [None] * CAPACITY
        self.table = MetaTable(CAPACITY)
        if slots:
            self.table.put_many(np.arange(len(slots)), columns)
        for place, slot in enumerate(slots):
            self.twin[place] = twin[slot]


STEPS = [Both.put, Both.put, Both.put_many, Both.put_many, Both.set, Both.drop, Both.clear, Both.move]


@given(data=st.data())
def test_it_is_a_list_of_dicts(data):
    both = Both()
    for _ in range(data.draw(st.integers(1, 12))):
        data.draw(st.sampled_from(STEPS))(both, data.draw)
        both.check()


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, -(2**63) - 1, 10**40])
def test_whole_numbers_beyond_64_bits_are_kept_exactly(number):
    table = MetaTable(3)
    table.put(0, {"a": 1})
    table.put_many(np.array([1, 2]), {"a": ([number, 2], None)})

    assert [1, number, 2] == [table.row(slot)["a"] for slot in range(3)]


def test_an_array_of_unsigned_numbers_is_kept_exactly():
    table = MetaTable(3)
    table.put_many(np.arange(2), {"a": (np.array([1, 2], np.uint64), None)})
    assert [1, 2] == table.get(np.arange(2), "a")[0].tolist()
    table.set(np.array([2]), "a", np.array([2**64 - 1], np.uint64))

    assert [1, 2, 2**64 - 1] == [table.row(slot)["a"] for slot in range(3)]


@pytest.mark.parametrize("name", ["?", "i1", "u4", "f2", "f4", "f8"])
def test_numpy_scalars_become_python_numbers(name):
    table = MetaTable(2)
    table.put(0, {"a": np.dtype(name).type(1)})
    table.put_many(np.array([1]), {"a": ([np.dtype(name).type(1)], None)})

    for slot in range(2):
        assert alike(np.dtype(name).type(1).item(), table.row(slot)["a"])


def test_other_arrays_and_scalars_are_objects():
    table, day, row = MetaTable(2), np.datetime64("2020-01-01"), np.arange(3)
    table.put(0, {"day": day, "row": row})
    table.put_many(np.array([1]), {"day": ([day], None), "row": ([row], None)})

    for slot in range(2):
        assert day == table.row(slot)["day"]
        assert row is table.row(slot)["row"]


def test_a_key_costs_eight_bytes_an_item_and_one_more_where_some_lack_it():
    table = MetaTable(100)
    assert 0 == table.nbytes
    table.put(0, {"a": 1.0})
    assert 800 == table.nbytes
    table.put(1, {})
    assert 900 == table.nbytes
    table.clear()
    assert 0 == table.nbytes


def test_what_it_hands_out_is_a_copy():
    table = MetaTable(3)
    table.put_many(
        np.arange(3), {"a": (np.arange(3), None), "b": (list("xyz"), np.array([True, False, True]))}
    )
    columns, absent = table.take(np.arange(3))
    columns["a"][:] = columns["b"][:] = 9
    absent["b"][:] = False
    values, _ = table.get(np.arange(3), "a")
    assert values is not None
    values[:] = 9
    table.state(np.arange(3))["a"]["values"][:] = 9
    table.row(0)["a"] = 9

    assert [{"a": 0, "b": "x"}, {"a": 1}, {"a": 2, "b": "z"}] == [table.row(slot) for slot in range(3)]


@pytest.mark.parametrize("over", [{}, {"b": 1}])
@pytest.mark.parametrize("many", [True, False])
def test_objects_are_let_go_with_their_items(over, many):
    table, gone = MetaTable(2), []

    class Object:
        def __del__(self):
            gone.append(1)

    for slot in range(2):
        table.put(slot, {"a": Object()})
    if many:
        table.put_many(np.array([0]), {key: ([value], None) for key, value in over.items()})
    else:
        table.put(0, over)
    assert [1] == gone
    table.drop(np.array([1]))
    assert [1, 1] == gone


def test_a_state_of_another_length_is_refused():
    table = MetaTable(3)
    table.put_many(np.arange(3), {"a": ([1, 2, 3], np.array([True, True, False]))})
    state = table.state(np.arange(3))

    with pytest.raises(ValueError, match="meta 'a' has 3 values for 2 items"):
        columns_of_state(state, 2)
    state["a"]["there"] = state["a"]["there"][:2]
    with pytest.raises(ValueError, match="meta 'a'"):
        columns_of_state(state, 3)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2], "i8"),
        ([True, False], "?"),
        ([1.5, 2.0], "f8"),
        (np.array([1.5], np.float32), "f8"),
        ([1, 2.0], "O"),
        (["a", 1], "O"),
        ([[1], [2, 3]], "O"),
        ([[1, 2], [3, 4]], "O"),
        ([2**70], "O"),
        ([], "O"),
    ],
)
def test_values_become_a_column_of_the_kind_a_table_would_make(values, dtype):
    column = meta_array(values)

    assert (np.dtype(dtype), (len(values),)) == (column.dtype, column.shape)
    assert all(
        map(alike, np.asarray(values, dtype=object).tolist() if dtype != "O" else values, column.tolist())
    )


def test_one_key_of_one_row_is_none_where_it_is_missing():
    table = MetaTable(3)
    table.put(0, {"a": 1, "b": "x"})
    table.put(1, {"a": 2})

    assert [1, 2] == [table.one(slot, "a") for slot in range(2)]
    assert ["x", None] == [table.one(slot, "b") for slot in range(2)]
    assert (int, None) == (type(table.one(0, "a")), table.one(0, "c"))

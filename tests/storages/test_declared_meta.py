from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.batch import meta_columns
from ding_buffer.core.errors import BadArgument, SchemaError
from ding_buffer.storages.declared_meta import DeclaredMeta
from ding_buffer.storages.meta_table import MetaTable

META = st.fixed_dictionaries(
    {},
    optional={
        "env": st.integers(-(2**63), 2**63 - 1) | st.none(),
        "priority": st.floats() | st.integers(-(2**53), 2**53),
        "done": st.booleans(),
    },
)


def declared():
    return DeclaredMeta.of({"env": np.int32, "priority": np.float32, "done": bool})


def unpacked(block, count):
    table = MetaTable(max(count, 1))
    table.put_many(np.arange(count), declared().unpack(block))
    return [table.row(slot) for slot in range(count)]


def like(meta):
    """Returns what a meta becomes: None is as good as nothing, and a priority is a float."""
    kept = {key: value for key, value in meta.items() if value is not None}
    return {key: float(value) if key == "priority" else value for key, value in kept.items()}


def told(metas):
    return [
        {key: "nan" if value != value else value for key, value in sorted(meta.items())} for meta in metas
    ]


@given(st.lists(META, max_size=8))
def test_what_is_packed_comes_out_again_one_at_a_time_or_many(metas):
    one_by_one = np.array([declared().pack_one(meta) for meta in metas], dtype=np.int64).reshape(-1, 4)
    columns = meta_columns(metas, len(metas))
    declared().check_columns(columns)
    for meta in metas:
        declared().check(meta)
    expected = told([like(meta) for meta in metas])

    assert expected == told(unpacked(one_by_one, len(metas)))
    assert expected == told(unpacked(declared().pack(columns, len(metas)), len(metas)))


def test_arrays_of_other_widths_are_taken():
    columns = {
        "env": (np.array([1, 2], np.uint8), None),
        "priority": (np.array([1, 2], np.int16), np.array([True, False])),
        "done": (np.array([True, False]), None),
    }
    block = declared().pack(columns, 2)

    assert [{"env": 1, "priority": 1.0, "done": True}, {"env": 2, "done": False}] == unpacked(block, 2)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("env", 1.0),
        ("env", True),
        ("env", "x"),
        ("env", 2**63),
        ("priority", "x"),
        ("priority", True),
        ("done", 1),
        ("done", np.zeros(2)),
    ],
)
def test_a_value_of_another_kind_is_refused(key, value):
    message = re.escape(f"meta[{key!r}]: expected") + " (int|float|bool), as it was declared, got"
    with pytest.raises(SchemaError, match=message):
        declared().check({key: value})
    with pytest.raises(SchemaError, match=message):
        declared().check_columns({key: ([None, value], None)})


@pytest.mark.parametrize(
    ("key", "column"),
    [
        ("env", np.array([0.5])),
        ("env", np.array([True])),
        ("env", np.array([2**63], np.uint64)),
        ("priority", np.array([True])),
        ("priority", np.array(["x"])),
        ("done", np.array([1])),
    ],
)
def test_an_array_of_another_kind_is_refused(key, column):
    with pytest.raises(SchemaError, match="as it was declared, got"):
        declared().check_columns({key: (column, None)})


def test_a_key_that_was_not_declared_is_refused_with_what_to_type():
    message = re.escape(
        "meta['age']: expected one of the keys that processes share (declared: env, priority, done). "
        "Declare it: SharedStorage(spec, meta={'age': np.float64})."
    )
    with pytest.raises(SchemaError, match=message):
        declared().check({"age": 3})
    with pytest.raises(SchemaError, match=r"\(declared: none\)"):
        DeclaredMeta.of(None).check_columns({"age": ([3], None)})


@pytest.mark.parametrize("dtype", [str, object, complex, "M8[s]", "no dtype", (np.float32, (2,))])
def test_only_numbers_can_be_declared(dtype):
    with pytest.raises(
        BadArgument, match=r"meta\['x'\] is declared as .* A key that processes share is a text"
    ):
        DeclaredMeta.of({"x": dtype})


def test_keys_are_texts_and_not_too_many():
    with pytest.raises(BadArgument, match=r"meta\[5\] is declared as"):
        DeclaredMeta.of({5: int})  # type: ignore[dict-item]
    with pytest.raises(BadArgument, match="63 meta keys are declared; there is room for 62"):
        DeclaredMeta.of({str(number): int for number in range(63)})
    many = DeclaredMeta.of({str(number): float for number in range(62)})
    row = many.pack_one({"61": math.pi, "0": 1.0})
    assert {"0", "61"} == set(many.unpack(row[None]))


def test_without_keys_rows_have_no_width():
    none = DeclaredMeta.of({})

    assert 0 == none.width
    assert (0,) == none.pack_one({}).shape
    assert (5, 0) == none.pack({}, 5).shape
    assert {} == none.unpack(np.empty((5, 0), np.int64))

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.kernels import numpy_rows
from tests.kernels.both import agree, outcome, spoilers, spoilt

ROWS = 30
ITEM = np.dtype([("a", "f4", 4), ("b", "i4"), ("c", "f8", (2, 3)), ("d", "?"), ("e", "u1", 3), ("f", "i2")])


def table_of(rows, row_size):
    return np.random.default_rng(row_size).integers(0, 256, (rows, row_size), dtype=np.uint8)


def columns(dtypes, n):
    rng = np.random.default_rng(n)
    return tuple(
        np.frombuffer(rng.bytes(max(1, n * np.dtype(dtype).itemsize)), dtype=np.uint8)[
            : n * np.dtype(dtype).itemsize
        ]
        .copy()
        .view(np.dtype(dtype).base)
        .reshape(n, *np.dtype(dtype).shape)
        for dtype in dtypes
    )


@pytest.mark.parametrize("function", ["gather", "scatter"])
@given(
    sizes=st.lists(st.sampled_from([1, 2, 3, 4, 7, 8, 12, 16, 24, 32, 33, 100]), max_size=5),
    gap=st.integers(0, 9),
    slots=st.lists(st.integers(0, ROWS - 1), max_size=200),
)
def test_both_kernels_copy_the_same_bytes(compiled, function, sizes, gap, slots):
    offsets = tuple(int(end) for end in np.cumsum([gap, *sizes])[:-1])
    table = table_of(ROWS, gap + sum(sizes) + gap)
    fields = columns([f"({size},)u1" for size in sizes], len(slots))
    arguments = (table, np.array(slots, dtype=np.int64), offsets, fields)

    agree(getattr(compiled, function), getattr(numpy_rows, function), arguments)


def test_records_come_out_as_numpy_says_they_are(compiled):
    records = np.frombuffer(np.random.default_rng(0).bytes(ROWS * ITEM.itemsize), dtype=ITEM).copy()
    table = records.view(np.uint8).reshape(ROWS, ITEM.itemsize)
    slots = np.random.default_rng(1).integers(0, ROWS, 300)
    names = list(ITEM.names or ())
    offsets = tuple(dict(ITEM.fields or {})[name][1] for name in names)
    for kernels in (compiled, numpy_rows):
        outs = columns([ITEM[name] for name in names], 300)
        kernels.gather(table, slots, offsets, outs)
        for name, out in zip(names, outs, strict=True):
            assert records[name][slots].tobytes() == out.tobytes()

        empty = np.zeros_like(table)
        kernels.scatter(empty, slots, offsets, outs)
        held = np.unique(slots)
        assert np.array_equal(table[held], empty[held])
        assert not empty[np.setdiff1d(np.arange(ROWS), held)].any()


@pytest.mark.parametrize("row_size", [28224, 257, 1000])
def test_long_rows_and_many_rows_are_copied_whole(compiled, row_size):
    table = table_of(ROWS, row_size)
    slots = np.random.default_rng(2).integers(0, ROWS, 300 if row_size > 1000 else 6000)
    for kernels in (compiled, numpy_rows):
        out = np.zeros((slots.size, row_size), dtype=np.uint8)
        kernels.gather(table, slots, (0,), (out,))
        assert np.array_equal(table[slots], out)

        other = np.zeros_like(table)
        kernels.scatter(other, slots, (0,), (out,))
        assert np.array_equal(table, other)


def test_the_last_row_of_a_slot_named_twice_stays(compiled):
    for kernels in (compiled, numpy_rows):
        table = np.zeros((3, 4), dtype=np.uint8)
        kernels.scatter(table, [1, 1, 2, 1], (2,), (np.array([5, 6, 7, 8], dtype=np.uint8),))
        assert [[0, 0, 0, 0], [0, 0, 8, 0], [0, 0, 7, 0]] == table.tolist()


@pytest.mark.parametrize("function", ["gather", "scatter"])
@given(which=st.sampled_from(["table", "slots", "first", "second"]), how=spoilers())
def test_both_kernels_refuse_the_same_arrays(compiled, function, which, how):
    first, second = columns(["(4,)f4", "i4"], 4)
    parts = {"table": table_of(ROWS, 64), "slots": np.array([3, 0, 3, 29]), "first": first, "second": second}
    parts[which] = spoilt(how, parts[which])
    arguments = (parts["table"], parts["slots"], (0, 16), (parts["first"], parts["second"]))

    agree(getattr(compiled, function), getattr(numpy_rows, function), arguments)


@pytest.mark.parametrize("function", ["gather", "scatter"])
@pytest.mark.parametrize(
    ("offsets", "error"),
    [
        ((61,), ValueError),
        ((-1,), ValueError),
        ((2**62,), ValueError),
        ((2**70,), ValueError),
        ((-(2**70),), ValueError),
        ((None,), ValueError),
        ((1.0,), ValueError),
        ((), ValueError),
        ((0, 4), ValueError),
        ([0], TypeError),
        (None, TypeError),
    ],
)
def test_a_field_lies_within_its_row(compiled, function, offsets, error):
    for kernels in (compiled, numpy_rows):
        arguments = (table_of(ROWS, 64), np.arange(4), offsets, columns(["i4"], 4))
        assert error is outcome(getattr(kernels, function), *arguments)


def test_what_is_written_must_not_lie_on_what_is_read(compiled):
    for kernels in (compiled, numpy_rows):
        table = table_of(ROWS, 8)
        slots = np.arange(4)
        inside = table.reshape(-1)[8:40].view(np.float64)
        twice = np.zeros(6)
        assert ValueError is outcome(kernels.gather, table, slots, (0,), (inside,))
        assert ValueError is outcome(kernels.scatter, table, slots, (0,), (inside,))
        assert ValueError is outcome(kernels.gather, table, slots, (0, 0), (twice[:4], twice[2:]))
        assert ValueError is outcome(kernels.gather, table, slots, (0,), (slots.view(np.float64),))
        assert ValueError is outcome(
            kernels.scatter, slots.view(np.uint8).reshape(4, 8), slots, (0,), (twice[:4],)
        )
        # What is only read may be read twice.
        kernels.scatter(table, slots, (0, 0), (twice[:4], twice[2:]))


def test_objects_are_no_bytes(compiled):
    for kernels in (compiled, numpy_rows):
        out = np.array([None] * 4, dtype=object)
        assert TypeError is outcome(kernels.gather, table_of(ROWS, 8), np.arange(4), (0,), (out,))
        mixed = np.zeros(4, dtype=[("a", object)])
        assert TypeError is outcome(kernels.scatter, table_of(ROWS, 8), np.arange(4), (0,), (mixed,))
        assert [None] * 4 == out.tolist()


def test_columns_may_have_no_bytes_and_tables_no_rows(compiled):
    for kernels in (compiled, numpy_rows):
        kernels.gather(table_of(ROWS, 8), np.arange(4), (8,), (np.zeros((4, 0)),))
        kernels.scatter(table_of(ROWS, 8), np.arange(4), (8,), (np.zeros((4, 0)),))
        kernels.gather(np.zeros((0, 8), dtype=np.uint8), [], (0,), (np.zeros(0),))
        kernels.gather(np.zeros((5, 0), dtype=np.uint8), [1], (0,), (np.zeros((1, 0)),))
        kernels.gather(np.zeros((5, 0), dtype=np.uint8), [1], (), ())
        assert IndexError is outcome(
            kernels.gather, np.zeros((0, 8), dtype=np.uint8), [0], (0,), (np.zeros(1),)
        )

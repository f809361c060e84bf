from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.kernels import python_take
from tests.kernels.both import outcome, same, spoilers, spoilt

ROWS = 40
KINDS = ("?", "b", "u1", "i2", "i4", "q", "e", "f", "d", "F", "S3", "M8[s]")


def fields_and_tables(specs):
    """Fields of (table, kind, shape), one behind the other, and tables of noise that hold them."""
    ends, fields = [3, 0, 5], []
    for table, kind, shape in specs:
        dtype = np.dtype(kind)
        fields.append((table, ends[table], dtype, tuple(shape)))
        ends[table] += dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    noise = np.random.default_rng(0)
    return tuple(fields), tuple(noise.integers(0, 2, (ROWS, end + 2), dtype=np.uint8) for end in ends)


SPECS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(KINDS), st.lists(st.integers(0, 3), max_size=3)), max_size=6
)
SLOTS = st.lists(st.integers(0, ROWS - 1), max_size=300)


@given(specs=SPECS, slots=SLOTS)
def test_both_kernels_take_the_same_rows(compiled, specs, slots):
    fields, tables = fields_and_tables(specs)
    where = np.array(slots, dtype=np.int64)
    taken = [kernels.RowTaker(fields, tables).take(where) for kernels in (compiled, python_take)]

    assert same(*taken)
    for (table, offset, dtype, shape), column in zip(fields, taken[0], strict=True):
        assert (len(slots), *shape) == column.shape
        size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        assert tables[table][where, offset : offset + size].tobytes() == column.tobytes()
        assert column.flags.writeable
        assert column.flags.owndata


@pytest.mark.parametrize("build", [("b", "a"), list, lambda columns: (columns[1], columns[0])])
def test_columns_are_what_is_built_of_them(compiled, build):
    fields, tables = fields_and_tables([(0, "d", [2]), (1, "?", [])])
    made = [kernels.RowTaker(fields, tables, build).take(np.arange(3)) for kernels in (compiled, python_take)]

    assert type(made[0]) is type(made[1])
    assert list(made[0]) == list(made[1]) if isinstance(build, tuple) else same(*made)
    if isinstance(build, tuple):
        assert ["b", "a"] == list(made[0])
        assert same(list(made[0].values()), list(made[1].values()))


@pytest.mark.parametrize(
    ("fields", "build"),
    [
        (((1, 0, np.dtype("d"), ()),), None),
        (((-1, 0, np.dtype("d"), ()),), None),
        (((0, 5, np.dtype("d"), ()),), None),
        (((0, -1, np.dtype("d"), ()),), None),
        (((0, 0, np.dtype("d"), (2,)),), None),
        (((0, 0, np.dtype("d"), (-1,)),), None),
        (((0, 0, np.dtype("O"), ()),), None),
        ((7,), None),
        (((0, 0),), None),
        (((0, 0, np.dtype("d"), ()),), ("a", "b")),
        (((0, 0, np.dtype("d"), ()),), "no callable"),
    ],
)
def test_what_does_not_fit_is_refused_when_it_is_made(compiled, fields, build):
    table = np.zeros((ROWS, 12), dtype=np.uint8)
    for kernels in (compiled, python_take):
        assert issubclass(outcome(kernels.RowTaker, fields, (table,), build), (TypeError, ValueError))


@given(spoiler=spoilers())
def test_both_kernels_take_or_refuse_the_same_slots(compiled, spoiler):
    fields, tables = fields_and_tables([(0, "d", [2]), (1, "?", [])])
    slots = spoilt(spoiler, np.arange(9))
    takers = [kernels.RowTaker(fields, tables) for kernels in (compiled, python_take)]

    assert same(*(outcome(taker.take, slots) for taker in takers))


def test_a_table_that_somebody_narrowed_is_refused(compiled):
    table = np.zeros((ROWS, 12), dtype=np.uint8)
    taker = compiled.RowTaker(((0, 4, np.dtype("d"), ()),), (table,))
    table.resize((ROWS * 2, 6), refcheck=False)

    with pytest.raises(ValueError, match="does not lie within a row"):
        taker.take(np.arange(3))


def metas(lacking):
    """Columns of metas of every kind, and who has them."""
    noise = np.random.default_rng(1)
    values = {
        "whole": np.arange(ROWS),
        "real": noise.random(ROWS),
        "flag": noise.random(ROWS) < 0.5,
        "any": np.array([object() for _ in range(ROWS)]),
        "short": np.arange(ROWS, dtype=np.int16),
    }
    return values, {key: ~np.isin(np.arange(ROWS), list(rows)) for key, rows in lacking.items()}


@given(
    slots=SLOTS,
    lacking=st.dictionaries(
        st.sampled_from(["whole", "real", "flag", "any", "short"]),
        st.sets(st.integers(0, ROWS - 1)) | st.just(set(range(ROWS))),
    ),
)
def test_both_kernels_take_the_same_metas(compiled, slots, lacking):
    values, there = metas(lacking)
    where = np.array(slots, dtype=np.int64)
    (c, c_absent), (twin, absent) = (
        kernels.take_metas(values, there, where) for kernels in (compiled, python_take)
    )

    assert list(twin) == list(c)
    assert list(absent) == list(c_absent)
    assert same(list(twin.values()), list(c.values()))
    assert same(list(absent.values()), list(c_absent.values()))
    for key, rows in absent.items():
        assert [slot in lacking[key] for slot in slots] == rows.tolist()


@given(spoiler=spoilers(), part=st.sampled_from(["slots", "values", "there"]))
def test_metas_that_do_not_fit_are_refused(compiled, spoiler, part):
    values, there = metas({"real": {1, 2}})
    slots = np.arange(9)
    if part == "slots":
        slots = spoilt(spoiler, slots)
        assert same(*(outcome(kernels.take_metas, {}, {}, slots) for kernels in (compiled, python_take)))
    elif part == "values":
        values["real"] = spoilt(spoiler, values["real"])
    else:
        there["real"] = spoilt(spoiler, there["real"])
    made = outcome(compiled.take_metas, values, there, slots)

    # Whatever was wrong: it is refused, or it is as numpy says.
    if not isinstance(made, type):
        twin = python_take.take_metas(values, there, slots)
        assert same([list(part.values()) for part in twin], [list(part.values()) for part in made])


def test_a_slot_out_of_range_is_refused(compiled):
    values, there = metas({})
    for kernels in (compiled, python_take):
        with pytest.raises(IndexError, match="slot 40 is out of range"):
            kernels.take_metas(values, there, np.array([0, 40]))

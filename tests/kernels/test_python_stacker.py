from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.kernels import python_stacker
from ding_buffer.kernels.python_records import RecordWriter
from tests.kernels.kept_references import keeps_references
from tests.kernels.push_bench import TRANSITION, transition
from tests.kernels.push_kinds import KINDS

CHARS = "?bhilqBHILQefd"


@pytest.fixture(params=KINDS)
def kind(request):
    module = request.param
    return python_stacker if module.__name__.endswith("python_push") else module


def fields_of(*fields):
    return tuple((key, char, np.dtype(char).itemsize, math.prod(shape), shape) for key, char, shape in fields)


def stacker(kind, fields=TRANSITION):
    return kind.Stacker(fields_of(*fields))


def naive(fields, rows):
    """Each column as numpy makes it, value by value."""
    columns = []
    for key, char, shape in fields:
        column = np.empty((len(rows), *shape), dtype=char)
        for number, row in enumerate(rows):
            column[number] = row[key]
        columns.append(column)
    return columns


def same(expected, actual):
    return (expected.dtype, expected.shape, expected.tobytes()) == (
        actual.dtype,
        actual.shape,
        actual.tobytes(),
    )


# Lists of payloads.


@pytest.mark.parametrize("count", [0, 1, 2, 300])
def test_payloads_are_stacked_into_new_memory(kind, count):
    rows = [transition(float(number), image=np.full((20, 20), number % 256, "B")) for number in range(count)]
    fields = (*TRANSITION, ("image", "B", (20, 20)))
    columns = stacker(kind, fields).columns(rows)

    assert type(columns) is tuple
    assert all(map(same, naive(fields, rows), columns))
    assert all(column.flags.owndata and column.flags.writeable and column.flags.aligned for column in columns)


def test_the_order_of_the_keys_and_how_they_were_made_do_not_matter(kind):
    rows = [transition(float(number)) for number in range(4)]
    turned = [{"".join(list(key)): row[key] for key in reversed(row)} for row in rows]
    assert all(map(same, naive(TRANSITION, rows), stacker(kind).columns([*turned[:2], *rows[2:]])))


@pytest.mark.parametrize("char", CHARS)
def test_numbers_of_all_kinds_that_a_field_takes_may_be_mixed(kind, char):
    dtype = np.dtype(char)
    values = [dtype.type(0), np.array(1, dtype=char), dtype.type(1)]
    if char != "e":
        values.append({"b": False, "f": 1.5}.get(dtype.kind, 1))
    rows = [{"n": value} for value in values]
    (column,) = stacker(kind, (("n", char, ()),)).columns(rows)
    assert same(naive((("n", char, ()),), rows)[0], column)


@pytest.mark.parametrize("char", "bhilqBHILQ")
def test_a_whole_number_fits_up_to_the_last(kind, char):
    limits, made = np.iinfo(char), stacker(kind, (("n", char, ()),))
    for value in (limits.min, limits.max):
        (column,) = made.columns([{"n": int(value)}, {"n": 0}])
        assert [value, 0] == column.tolist()
    for value in (limits.min - 1, limits.max + 1, 2**80, -(2**80)):
        assert made.columns([{"n": 0}, {"n": int(value)}]) is None


def test_a_float_is_rounded_and_never_becomes_infinite(kind):
    single, double = stacker(kind, (("n", "f", ()),)), stacker(kind, (("n", "d", ()),))
    for value in (0.1, 1e-50, math.inf, -math.inf, math.nan, 3.4e38):
        assert same(np.array([value], "f"), single.columns([{"n": value}])[0])
        assert same(np.array([value]), double.columns([{"n": value}])[0])
    for value in (1e39, -1e39):
        assert single.columns([{"n": math.inf}, {"n": value}]) is None
        assert same(np.array([value]), double.columns([{"n": value}])[0])


def test_a_field_may_have_no_numbers(kind):
    made = stacker(kind, (("none", "f", (0, 3)), ("n", "i", ())))
    none, numbers = made.columns([{"none": np.zeros((0, 3), "f"), "n": number} for number in range(3)])
    assert ((3, 0, 3), [0, 1, 2]) == (none.shape, numbers.tolist())


class Dict(dict):
    pass


class Array(np.ndarray):
    pass


F4 = np.arange(4, dtype=np.float32)
UNFIT = [
    None,
    3,
    [],
    {},
    Dict(transition()),
    {**transition(), "more": 1},
    {key: value for key, value in transition().items() if key != "done"},
    {("other" if key == "done" else key): value for key, value in transition().items()},
    {(3 if key == "done" else key): value for key, value in transition().items()},
    transition(obs=F4.astype(">f4")),
    transition(obs=F4.astype("f8")),
    transition(obs=np.arange(8, dtype="f4")[::2]),
    transition(obs=F4[:3]),
    transition(obs=F4.reshape(2, 2)),
    transition(obs=F4.view(Array)),
    transition(obs=F4.tolist()),
    transition(obs=1.0),
    transition(obs=None),
    transition(action=1 << 31),
    transition(action=1.0),
    transition(action=True),
    transition(action="3"),
    transition(action=np.int64(3)),
    transition(action=np.zeros(1, dtype="i4")),
    transition(reward=1),
    transition(reward=1e39),
    transition(reward=np.float64(1)),
    transition(done=1),
    transition(done=None),
]


@pytest.mark.parametrize("place", [0, 3, 6])
@pytest.mark.parametrize("unfit", UNFIT, ids=range(len(UNFIT)))
def test_one_that_does_not_fit_as_it_is_is_enough(kind, unfit, place):
    rows = [transition(float(number)) for number in range(7)]
    assert stacker(kind).columns(rows) is not None
    rows[place] = unfit
    assert stacker(kind).columns(rows) is None


@pytest.mark.parametrize("batch", [None, 3, "rows", (), (transition(),), Dict(), np.zeros(3), iter([])])
def test_what_is_neither_a_list_nor_a_dict_is_not_looked_at(kind, batch):
    assert stacker(kind).columns(batch) is None


class Value:
    """Draws values that fit, nearly fit or do not."""

    @staticmethod
    def of(char, shape):
        dtype = np.dtype(char)
        arrays = st.sampled_from([char, char, char, "f", "i"]).map(lambda one: np.ones(shape, dtype=one))
        if shape:
            return arrays
        numbers = st.sampled_from([0, 1, -1, 200, 2**40, 2**63, 2**64, 0.5, 1e39, math.nan, True, None, "1"])
        return st.one_of(
            arrays, numbers, numbers, st.sampled_from([dtype.type(1), np.float32(2), np.int64(3)])
        )


@given(data=st.data())
def test_it_takes_what_a_push_takes(data):
    shapes = st.sampled_from([(), (), (2,), (3, 1), (0,)])
    fields = tuple(
        (f"k{number}", data.draw(st.sampled_from(CHARS)), data.draw(shapes))
        for number in range(data.draw(st.integers(1, 3)))
    )
    rows = data.draw(
        st.lists(
            st.fixed_dictionaries({key: Value.of(char, shape) for key, char, shape in fields}), max_size=3
        )
    )
    tables = tuple(np.zeros((1, max(1, field[2] * field[3])), np.uint8) for field in fields_of(*fields))
    plan = tuple((*field, 0, table) for table, field in enumerate(fields_of(*fields)))
    fits = all(RecordWriter((plan, tables)).pack(row) is not None for row in rows)

    for one in KINDS:
        if one.values[0] is None:
            continue
        module: Any = python_stacker if one.id == "python" else one.values[0]
        columns = module.Stacker(fields_of(*fields)).columns(rows)
        assert fits is (columns is not None)
        assert not fits or all(map(same, naive(fields, rows), columns))


# Dicts of columns.


def stacked(count=3, **changes):
    columns = naive(TRANSITION, [transition(float(number)) for number in range(count)])
    return {**{key: column for (key, *_), column in zip(TRANSITION, columns, strict=True)}, **changes}


@pytest.mark.parametrize("count", [0, 1, 300])
def test_columns_are_taken_as_they_are(kind, count):
    batch = stacked(count)
    turned = {"".join(list(key)): batch[key] for key in reversed(batch)}
    for given_columns in (batch, turned):
        taken = stacker(kind).columns(given_columns)
        assert all(batch[key] is column for (key, *_), column in zip(TRANSITION, taken, strict=True))
    assert len(TRANSITION) == len(taken)


def test_columns_may_be_read_only_and_parts_of_others(kind):
    batch = stacked(5)
    for column in batch.values():
        column.flags.writeable = False
    parts = {key: column[1:4] for key, column in batch.items()}
    assert all(map(same, parts.values(), stacker(kind).columns(parts)))


def misaligned(array):
    raw = np.zeros(array.nbytes + 1, np.uint8)
    return raw[1:].view(array.dtype).reshape(array.shape)


OBS = stacked()["obs"]


@pytest.mark.parametrize(
    "batch",
    [
        {},
        {"obs": OBS},
        stacked(more=OBS),
        {(3 if key == "done" else key): column for key, column in stacked().items()},
        stacked(obs=OBS.tolist()),
        stacked(obs=OBS[:2]),
        stacked(obs=OBS[:0]),
        stacked(obs=OBS[:, :3]),
        stacked(obs=np.asfortranarray(OBS)),
        stacked(obs=OBS[::-1]),
        stacked(obs=OBS.astype("f8")),
        stacked(obs=OBS.astype(">f4")),
        stacked(obs=OBS.view(Array)),
        stacked(obs=OBS[None]),
        stacked(obs=OBS[0]),
        stacked(obs=misaligned(OBS)),
        stacked(done=np.zeros(3, np.uint8)),
        stacked(done=np.bool_(True)),
        stacked(done=np.array(True)),
        stacked(done=None),
    ],
)
def test_other_columns_are_not(kind, batch):
    assert stacker(kind).columns(batch) is None


# Making one.


GOOD = ("a", "f", 4, 2, (2,))


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ((), ValueError, "without fields"),
        ([GOOD], TypeError, r"."),
        (None, TypeError, r"."),
        (([*GOOD],), TypeError, "a field is a tuple"),
        ((GOOD[:4],), TypeError, r"."),
        (((*GOOD, 0, 0),), TypeError, r"."),
        (((3, *GOOD[1:]),), TypeError, r"."),
        ((GOOD, GOOD), ValueError, "two fields have the same key"),
        ((("a", "F", 8, 1, ()),), ValueError, "'F' is not a kind of number"),
        ((("a", "f", 8, 1, ()),), ValueError, "its items have 4 bytes, not 8"),
        ((("a", "f", 4, 3, (2,)),), ValueError, "does not have 3 elements"),
        ((("a", "f", 4, 1 << 61, (1 << 61,)),), ValueError, "reaches beyond"),
    ],
)
def test_fields_that_make_no_sense_are_refused(kind, fields, error, message):
    with pytest.raises(error, match=message):
        kind.Stacker(fields)


def test_columns_too_large_for_memory_are_an_error(compiled):
    made = compiled.Stacker((("a", "f", 4, 1 << 60, (1 << 60,)),))
    with pytest.raises((MemoryError, ValueError)):
        made.columns([{}] * 10)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_it_is_not_copied(kind, copied):
    with pytest.raises(TypeError, match="cannot pickle 'Stacker' object"):
        copied(stacker(kind))


def test_no_reference_is_kept(kind):
    made, row, unfit = stacker(kind), transition(1e6), transition(done=3)
    batch = stacked()
    for given_batch in ([row] * 5, [row, unfit], batch, {**batch, "done": batch["done"][:1]}):
        assert not keeps_references(made.columns, [given_batch])

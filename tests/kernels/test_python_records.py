from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tests.kernels.push_bench import PREFIX, TRANSITION, Records, transition
from tests.kernels.push_kinds import KINDS

CHARS = "?bhilqBHILQefd"
IMAGE = ("image", "B", (20, 20))


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def same(expected, actual):
    return np.asarray(expected).tobytes() == np.asarray(actual).tobytes()


@pytest.mark.parametrize("gap", [0, 1, 8])
def test_each_field_lies_in_its_place_and_nothing_else_is_touched(kind, gap):
    records = Records(kind, gap=gap)
    for number in range(7):
        data = transition(float(number))
        meta: dict | None = {} if number % 2 else None
        item = records.push(data, meta)
        assert item.data is data
        assert {} == item.meta
        assert meta is None or meta is item.meta
        assert f"{PREFIX}{number + (1 << 60):x}" == item.index
        slot = number % 3
        for key, char, _ in TRANSITION:
            assert same(np.asarray(data[key], dtype=char), records.field(slot, key))
    written = sum(field[2] * field[3] for field in records.plan)
    assert (records.tables[0] == 171).sum() >= 3 * (records.tables[0].shape[1] - written)
    assert (7, 3, 4, []) == (records.ring.next, records.ring.count, records.ring.first, records.calls)


def test_a_large_field_goes_into_its_own_table(kind):
    records = Records(kind, (*TRANSITION, IMAGE, ("mask", "?", (400,))))
    for number in range(5):
        image = np.full((20, 20), number, dtype=np.uint8)
        data = transition(image=image, mask=image.ravel() > 2)
        assert records.push(data).data is data
        assert same(image, records.field(number % 3, "image"))
        assert same(data["mask"], records.field(number % 3, "mask"))
        assert same(data["next_obs"], records.field(number % 3, "next_obs"))
    assert [] == records.calls


def test_the_order_of_the_keys_and_how_they_were_made_do_not_matter(kind):
    records = Records(kind)
    data = transition(2.0)
    turned = {"".join(list(key)): data[key] for key in reversed(data)}
    assert records.push(turned).data is turned
    assert all(same(np.asarray(data[key], dtype=char), records.field(0, key)) for key, char, _ in TRANSITION)
    assert [] == records.calls


class Key(str):
    """Equal to any text, or raising: never asked."""

    __slots__ = ()

    def __hash__(self):
        return str.__hash__(self)


class Dict(dict):
    pass


class Array(np.ndarray):
    pass


class Float(float):
    pass


class Int(int):
    pass


F4 = np.arange(4, dtype=np.float32)


@pytest.mark.parametrize(
    "data",
    [
        None,
        3,
        [],
        "obs",
        F4,
        {},
        Dict(transition()),
        {**transition(), "more": 1},
        {key: value for key, value in transition().items() if key != "done"},
        {("other" if key == "done" else key): value for key, value in transition().items()},
        {(3 if key == "done" else key): value for key, value in transition().items()},
        transition(obs=F4.astype(">f4")),
        transition(obs=F4.astype("f8")),
        transition(obs=F4.astype("i4")),
        transition(obs=F4[:3]),
        transition(obs=F4.reshape(2, 2)),
        transition(obs=F4.reshape(1, 4)),
        transition(obs=F4.view(Array)),
        transition(obs=F4.tolist()),
        transition(obs=F4.tobytes()),
        transition(obs=1.0),
        transition(obs=None),
        transition(obs=np.zeros((), dtype="f4")),
        transition(action=1 << 31),
        transition(action=-(1 << 31) - 1),
        transition(action=1 << 80),
        transition(action=-(1 << 80)),
        transition(action=1.0),
        transition(action=True),
        transition(action=Int(3)),
        transition(action="3"),
        transition(action=np.int64(3)),
        transition(action=np.uint32(3)),
        transition(action=np.zeros(1, dtype="i4")),
        transition(reward=1),
        transition(reward=True),
        transition(reward=1e39),
        transition(reward=-1e39),
        transition(reward=Float(1)),
        transition(reward=np.float64(1)),
        transition(reward=np.float16(1)),
        transition(reward=1j),
        transition(done=1),
        transition(done=0.0),
        transition(done=None),
        transition(done=np.uint8(1)),
    ],
)
def test_what_does_not_fit_goes_the_slow_way_with_nothing_written(kind, data):
    records = Records(kind)
    assert "slow" == records.push(data)
    assert "slow" == records.push(data=data, meta=None)
    assert all(data is given for given, _ in records.calls)
    assert records.untouched()


def test_a_value_that_does_not_fit_the_last_field_leaves_the_first_one_alone(kind):
    records = Records(kind, (IMAGE, ("n", "b", ())), gap=3)
    assert "slow" == records.push({"image": np.zeros((20, 20), dtype=np.uint8), "n": 128})
    assert records.untouched()


@pytest.mark.parametrize("meta", [{"env": 1}, Dict(), 3, []])
def test_a_meta_with_anything_in_it_goes_the_slow_way(kind, meta):
    records = Records(kind)
    assert "slow" == records.push(transition(), meta)
    assert meta is records.calls[0][1]
    assert records.untouched()


def test_who_is_not_alone_goes_the_slow_way(kind):
    for change in ("alone", "prefix", "dense", "rows"):
        records = Records(kind, rows=2 if change == "rows" else None)
        if change == "alone":
            records.fast.alone = False
        elif change == "prefix":
            records.fast.prefix = ""
        elif change == "dense":
            records.ring.dense = False
        else:
            records.ring.next = records.ring.first = 2
        before = records.ring.next
        assert "slow" == records.push(transition())
        assert before == records.ring.next
        assert all((table == 171).all() for table in records.tables)


BOUNDS = {
    char: (int(np.iinfo(char).min), int(np.iinfo(char).max)) for char in CHARS if np.dtype(char).kind in "iu"
}


@pytest.mark.parametrize("char", sorted(BOUNDS))
def test_a_python_int_is_taken_in_the_range_of_the_field_alone(kind, char):
    low, high = BOUNDS[char]
    for number, taken in ((low, True), (high, True), (0, True), (low - 1, False), (high + 1, False)):
        records = Records(kind, (("n", char, ()),))
        item = records.push({"n": number})
        assert taken is (item != "slow")
        assert taken is (not records.untouched())
        if taken:
            assert number == records.field(0, "n")


@pytest.mark.parametrize("char", CHARS)
def test_a_number_of_numpy_is_taken_where_it_is_of_the_very_kind(kind, char):
    for other in CHARS:
        number = np.ones((), dtype=other)
        taken = number.dtype == np.dtype(char)
        for value in (number[()], number):
            records = Records(kind, (("n", char, ()),))
            assert taken is (records.push({"n": value}) != "slow")
            assert taken is (not records.untouched())
            assert not taken or same(number, records.field(0, "n"))


@pytest.mark.parametrize("char", "efd")
@pytest.mark.parametrize(
    "number", [0.0, -0.0, 0.1, 1e-46, 3.4028234e38, 3.4028235677e38, 3.5e38, math.inf, -math.inf, math.nan]
)
def test_a_python_float_is_taken_unless_it_overflows(kind, char, number):
    records = Records(kind, (("x", char, ()),))
    taken = char == "d" or (char == "f" and (math.isinf(number) or not number > 3.4028235677e38))
    assert taken is (records.push({"x": number}) != "slow")
    if taken:
        with np.errstate(over="ignore", under="ignore"):
            assert same(np.array(number).astype(char), records.field(0, "x"))


def test_no_fields_and_fields_without_elements_are_records_too(kind):
    records = Records(kind, ())
    assert {} == records.push({}).data
    assert "slow" == records.push({"a": 1})
    records = Records(kind, (("none", "f", (0, 3)), ("one", "b", ())))
    data = {"none": np.zeros((0, 3), dtype=np.float32), "one": 5}
    assert data is records.push(data).data
    assert 5 == records.field(0, "one")


def test_a_value_may_be_a_view_of_the_table_it_goes_to(kind):
    records = Records(kind, (("a", "B", (8,)), ("b", "B", (8,))), capacity=2)
    records.push({"a": np.arange(8, dtype=np.uint8), "b": np.arange(8, 16, dtype=np.uint8)})
    row = records.tables[0][0]
    records.push({"a": row[8:], "b": row[:8]})
    assert [*range(8, 16), *range(8)] == records.tables[0][1].tolist()
    assert [*range(16)] == row.tolist()


@settings(max_examples=150)
@given(st.data())
@pytest.mark.parametrize("kind", KINDS)
def test_any_record_is_written_as_numpy_would(kind, data):
    shapes = st.one_of(st.just(()), npst.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5))
    kinds = data.draw(st.lists(st.tuples(st.sampled_from(CHARS), shapes), min_size=1, max_size=6))
    fields = [(f"f{place}", char, shape) for place, (char, shape) in enumerate(kinds)]
    records = Records(kind, fields, gap=data.draw(st.integers(0, 3)), capacity=2)
    for slot in (0, 1, 0):
        values = {}
        for key, char, shape in fields:
            array = data.draw(npst.arrays(char, shape))
            values[key] = array[()] if shape == () and data.draw(st.booleans()) else array
        item = records.push(values)
        assert item.data is values
        assert all(same(values[key], records.field(slot, key)) for key, _, _ in fields)
    assert [] == records.calls


def test_versions_are_even_and_grow_by_two(kind):
    versions = np.array([0, 7, 10], dtype=np.int64)
    records = Records(kind, versions=versions)
    assert "slow" == records.push(None)
    assert [0, 7, 10] == versions.tolist()
    for _ in range(4):
        assert records.push(transition(3.0)) != "slow"
    assert [4, 10, 12] == versions.tolist()
    assert same(transition(3.0)["obs"], records.field(2, "obs"))


def test_there_must_be_a_version_for_the_slot(kind):
    records = Records(kind, versions=np.zeros(1, dtype=np.int64))
    assert records.push(transition()) != "slow"
    assert "slow" == records.push(transition())
    assert 1 == records.ring.next


@pytest.fixture
def compiled():
    module = KINDS[1].values[0]
    if module is None:
        pytest.skip("it is not built")
    return module


@pytest.mark.parametrize("spoil", ["read only", "resized", "narrowed"])
def test_a_table_that_changed_is_not_written(compiled, spoil):
    records = Records(compiled)
    array = records.tables[0]
    if spoil == "read only":
        array.flags.writeable = False
    elif spoil == "resized":
        array.resize((0, 41), refcheck=False)
    else:
        array.resize((3, 5), refcheck=False)
    assert "slow" == records.push(transition())
    assert 0 == records.ring.next


class Oddity:
    """Has the hash of a key, and an opinion on what it equals."""

    def __hash__(self):
        return hash("done")

    def __eq__(self, other):
        raise AssertionError("it was asked")


def test_no_code_of_a_key_is_run(compiled):
    records = Records(compiled)
    data = transition()
    del data["done"]
    data[Oddity()] = True
    assert "slow" == records.push(data)
    assert "slow" == records.push(
        {(Key(key) if key == "done" else key): data for key, data in transition().items()}
    )
    assert "slow" == records.push(transition(obs=F4[:2]) | {"obs": np.arange(8, dtype=np.float32)[::2]})
    assert records.untouched()

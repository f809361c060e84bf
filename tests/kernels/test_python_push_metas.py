"""What a pushed item is told, and its row in the columns of metas: the same in Python and in C."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.kernels.python_push_metas import PushMetas
from tests.kernels.push_bench import Bench, Records, transition
from tests.kernels.push_kinds import KINDS

ROWS = 3


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def columns(**dtypes):
    """Columns of metas by key; of those that end in an underscore it is noted which rows have them."""
    values = {key.rstrip("_"): np.zeros(ROWS, dtype) for key, dtype in dtypes.items()}
    there = {key[:-1]: np.ones(ROWS, dtype=bool) for key in dtypes if key.endswith("_")}
    return values, there


def records(kind, metas=None, key=None, intake=None):
    return Records(kind, capacity=ROWS, metas=metas, key=key, intake=intake)


def test_an_item_is_given_what_the_intake_says(kind):
    metas = columns(priority="d", other_="i8")
    bench = records(kind, metas, "priority", SimpleNamespace(max_priority=2.5))
    item = bench.push(transition())

    assert {"priority": 2.5} == item.meta
    assert [2.5, 0, 0] == metas[0]["priority"].tolist()
    assert [False, True, True] == metas[1]["other"].tolist()
    assert [] == bench.calls


def test_an_item_in_a_list_is_given_it_in_a_dict_of_its_own(kind):
    bench, given = Bench(kind, key="priority", intake=SimpleNamespace(max_priority=2.5)), {"env": 1}

    assert {"env": 1, "priority": 2.5} == bench.push(1, given).meta
    assert {"priority": 2.5} == bench.push(1).meta
    assert {"env": 1} == given


def test_a_meta_is_written_by_the_kinds_of_its_values(kind):
    metas = columns(env="i8", age_="d", last="?")
    bench = records(kind, metas)
    bench.push(transition(), {"env": -7, "age": 0.5, "last": True})
    bench.push(transition(), {"last": False, "env": 2**63 - 1})

    assert [-7, 2**63 - 1, 0] == metas[0]["env"].tolist()
    assert [0.5, 0, 0] == metas[0]["age"].tolist()
    assert [True, False, False] == metas[0]["last"].tolist()
    assert [True, False, True] == metas[1]["age"].tolist()
    assert [] == bench.calls


@pytest.mark.parametrize(
    "meta",
    [
        {"env": 2**63},
        {"env": 1.0},
        {"env": True},
        {"env": np.int64(1)},
        {"env": None},
        {"env": 1, "more": 1},
        {"env": 1, 3: 4},
        {"more": 1},
        {},
        None,
    ],
)
def test_a_meta_that_the_columns_do_not_take_as_they_are_goes_the_slow_way(kind, meta):
    metas = columns(env="i8")
    bench = records(kind, metas)

    assert "slow" == bench.push(transition(), meta)
    assert bench.untouched()
    assert [0] * ROWS == metas[0]["env"].tolist()


@pytest.mark.parametrize("dtype", ["O", "f", "U3"])
def test_a_column_of_another_kind_goes_the_slow_way(kind, dtype):
    bench = records(kind, columns(env_=dtype))

    assert "slow" == bench.push(transition(), {"env": 1.0})


def test_objects_are_let_go_the_slow_way(kind):
    assert "slow" == records(kind, columns(name_="O")).push(transition())


def test_a_column_whose_key_is_no_text_is_not_forgotten(kind):
    there = np.ones(ROWS, dtype=bool)
    answer = records(kind, ({3: np.zeros(ROWS)}, {3: there})).push(transition())

    assert "slow" == answer or not there[0]


@pytest.mark.parametrize("bad", [{"values": 2}, {"there": 2}])
def test_columns_of_another_length_go_the_slow_way(kind, bad):
    metas = columns(env_="i8")
    metas[0]["env"] = np.zeros(ROWS + bad.get("values", 0), "i8")
    metas[1]["env"] = np.ones(ROWS + bad.get("there", 0), bool)

    assert "slow" == records(kind, metas).push(transition(), {"env": 1})


@pytest.mark.parametrize("highest", [1, None, np.float64(1), "1"])
def test_an_intake_that_says_no_float_is_left_to_the_slow_way(kind, highest):
    bench = Bench(kind, key="priority", intake=SimpleNamespace(max_priority=highest))

    assert "slow" == bench.push(1)


@pytest.mark.parametrize("intake", [None, SimpleNamespace(max_priority=1.0)])
def test_a_meta_that_has_the_key_goes_the_slow_way(kind, intake):
    bench = Bench(kind, key="priority", intake=intake)

    assert "slow" == bench.push(1, {"priority": 2.0})
    assert "slow" == bench.push(1, {"priority": None})


class Mapping(dict):
    """A mapping that is no plain dict."""


@pytest.mark.parametrize(
    ("payload", "quick"),
    [
        ({"a": 1}, True),
        ({"priority": 1}, False),
        (Mapping(a=1), False),
        (object(), False),
        (True, False),
        (None, True),
        ((1,), True),
        ([1], True),
        (1, True),
        (1.0, True),
        ("priority", True),
        (np.zeros(2), True),
    ],
)
def test_a_payload_that_may_hold_the_priority_goes_the_slow_way_without_a_meta(kind, payload, quick):
    bench = Bench(kind, key="priority", intake=SimpleNamespace(max_priority=1.0))

    assert quick is (bench.push(payload) != "slow")
    assert "slow" != bench.push(payload, {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metas": {}}, "tuple"),
        ({"metas": ({}, [])}, "dict"),
        ({"key": 3}, "key must be a str or None"),
        ({"intake": object()}, "an intake needs a key"),
    ],
)
def test_parts_that_are_none_are_refused(kind, options, message):
    with pytest.raises(TypeError, match=message):
        Bench(kind, **options)


KEYS = ["priority", "env", "name"]
VALUES = st.sampled_from([1, -1, 2**70, 0.5, True, None, "a", np.float64(2)])


@given(
    dtypes=st.dictionaries(
        st.sampled_from([*KEYS, *(key + "_" for key in KEYS)]), st.sampled_from(["d", "i8", "?", "O", "i4"])
    ),
    pushes=st.lists(st.none() | st.dictionaries(st.sampled_from(KEYS), VALUES), max_size=6),
    intake=st.sampled_from([None, SimpleNamespace(max_priority=1.5)]),
    with_key=st.booleans(),
)
def test_both_kinds_do_the_same(dtypes, pushes, intake, with_key):
    made = []
    for one in KINDS:
        if one.values[0] is None:
            continue
        metas = columns(**dtypes)
        key = "priority" if with_key or intake is not None else None
        bench = records(one.values[0], metas, key, intake)
        told = [
            item if isinstance(item := bench.push(transition(), meta), str) else item.meta for meta in pushes
        ]
        made.append((told, [{key: part[key].tolist() for key in part} for part in metas], bench.ring.next))
    assert made[0] == made[-1]


def test_a_meta_is_what_was_given_where_no_key_is_looked_for():
    assert PushMetas().trivial
    assert not PushMetas(None, "priority").trivial

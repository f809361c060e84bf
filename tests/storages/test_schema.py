from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
from easydict import EasyDict
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.errors import SchemaError
from ding_buffer.core.ragged import RaggedColumn
from ding_buffer.storages.schema import Schema
from ding_buffer.storages.schema_spec import Ragged
from tests.storages.payloads import Pair, Step, payload_makers, same

OBS = np.zeros(4, np.float32)
PAYLOAD = {"obs": OBS, "action": np.int64(1), "reward": 0.5, "done": False, "info": "text"}


@given(make=payload_makers())
def test_leaves_are_put_together_again(make):
    payload = make(1)
    schema = Schema.of(payload)

    leaves = schema.leaves(payload)

    assert len(schema.fields) == len(leaves)
    assert same(payload, schema.build(leaves))
    schema.check(make(2))


def test_fields_are_named_by_their_path_in_the_order_of_the_first_payload():
    schema = Schema.of({"b": {"x": 1, "y": (2.0, OBS)}, "a": [None]})

    assert [("b", "x"), ("b", "y", 0), ("b", "y", 1), ("a", 0)] == [field.path for field in schema.fields]
    assert ["b.x", "b.y[0]", "b.y[1]", "a[0]"] == [field.name for field in schema.fields]


def test_a_flat_dict_gives_its_leaves_in_the_order_of_the_fields():
    schema = Schema.of(PAYLOAD)

    assert list(PAYLOAD.values()) == schema.leaves(PAYLOAD)
    assert list(PAYLOAD.values()) == schema.leaves(dict(reversed(PAYLOAD.items())))
    assert list(PAYLOAD.values()) == schema.leaves(EasyDict(PAYLOAD))
    assert ("obs", "action", "reward", "done", "info") == schema.keys


def test_a_payload_that_is_no_container_is_one_field():
    schema = Schema.of(OBS)

    assert [OBS] == schema.leaves(OBS)
    assert OBS is schema.build([OBS])
    with pytest.raises(
        SchemaError, match=r"^the payload: expected float32 of shape \(4,\), got float64 1\.0\.$"
    ):
        schema.check(1.0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"obs": 1j}, "obs: expected float32 of shape (4,), got complex128 1j."),
        ({"done": 2}, "done: expected one bool, got 2; bool holds False and True, or 0 and 1."),
        (
            {"extra": 1},
            "extra: expected no such field, only ['obs', 'action', 'reward', 'done', 'info'], got 1.",
        ),
    ],
)
def test_a_payload_that_does_not_fit_is_refused(changed, message):
    with pytest.raises(SchemaError) as refused:
        Schema.of(PAYLOAD).check({**PAYLOAD, **changed})

    assert message == str(refused.value)


def test_a_missing_key_is_named():
    payload = {key: value for key, value in PAYLOAD.items() if key != "reward"}

    with pytest.raises(SchemaError, match=r"^reward: expected one float64, got nothing, only"):
        Schema.of(PAYLOAD).leaves(payload)
    with pytest.raises(SchemaError, match=r"^reward: expected one float64, got nothing, only"):
        Schema.of(PAYLOAD).leaves({**payload, "rewards": 1.0})


def test_a_payload_that_holds_itself_is_refused():
    payload: dict = {}
    payload["self"] = payload

    with pytest.raises(SchemaError, match="a container that holds itself"):
        Schema.of(payload)


# Many at once.


@given(make=payload_makers(), count=st.integers(0, 5))
def test_a_list_of_payloads_and_its_columns_are_stacked_alike(make, count):
    schema = Schema.of(make(1))
    rows = [make(row) for row in range(count)]

    columns = schema.stacked_rows(rows)

    leaves = [schema.leaves(row) for row in rows]
    for number, (field, column) in enumerate(zip(schema.fields, columns, strict=True)):
        assert count == len(column)
        if field.kind == "array":
            assert (field.dtype, (count, *field.shape)) == (column.dtype, column.shape)
            expected = [np.asarray(row[number]).astype(field.dtype) for row in leaves]
            assert all(same(*pair) for pair in zip(expected, column, strict=True))
        else:
            assert [row[number] for row in leaves] == column
    again = schema.stacked_columns(schema.build(columns))
    assert all(same(one, other) for one, other in zip(columns, again, strict=True))


def test_columns_are_told_from_rows():
    flat, pair, step = Schema.of({"a": 1}), Schema.of(Pair(1, 2)), Schema.of(Step(1, 2))

    assert flat.is_columns({"a": [1, 2]})
    assert not flat.is_columns([{"a": 1}])
    assert not flat.is_columns(iter([{"a": 1}]))
    assert pair.is_columns(Pair([1], [2]))
    assert not pair.is_columns([Pair(1, 2)])
    assert step.is_columns(Step([1], [2]))
    assert not Schema.of((1, 2)).is_columns(((1, 2), (3, 4)))
    assert Schema.of(1.0).is_columns(np.zeros(3))
    assert not Schema.of(1.0).is_columns([1.0, 2.0])


def test_rows_may_come_from_any_iterable():
    columns = Schema.of({"a": 1}).stacked({"a": row} for row in range(3))

    assert [[0, 1, 2]] == [column.tolist() for column in columns]


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ([{"a": 1, "b": "x"}, {"a": 1.5, "b": "x"}], "a in row 1: expected one int64, got 1.5; int64 holds"),
        ([{"a": 1, "b": "x"}, {"a": 1}], "Row 1: b: expected an object, got nothing, only ['a']."),
        ([{"a": 1, "b": "x"}, 5], "Row 1: the payload: expected a dict of ['a', 'b'], got 5."),
        ({"a": np.zeros(2), "b": ["x"]}, "b: expected 2 rows, as a has, got 1."),
        ({"a": 1, "b": ["x"]}, "a: expected a column, got 1."),
        ({"a": np.zeros((2, 1)), "b": "xy"}, "a: expected 2 rows of one int64, got float64 of shape (2, 1)."),
        ({"a": np.zeros(2)}, "b: expected an object, got nothing, only ['a']."),
    ],
)
def test_a_stack_that_does_not_fit_is_refused(batch, message):
    with pytest.raises(SchemaError) as refused:
        Schema.of({"a": 1, "b": "x"}).stacked(batch)

    assert str(refused.value).startswith(message)


def test_the_first_columns_decide_as_their_rows_would():
    columns = {
        "obs": np.zeros((3, 4), np.float32),
        "reward": [0.5, 1.0, 2.0],
        "name": ["a", "b", "c"],
        "mixed": [1, "b", None],
        "tokens": RaggedColumn(np.zeros(5, np.int16), [2, 3, 0]),
        "pair": (np.zeros(3, bool), np.zeros((3, 2), np.uint8)),
        "list": [np.zeros(3), np.zeros((3, 1))],
        "objects": np.array(["a", None, 3], dtype=object),
    }

    schema = Schema.of_columns(columns)

    assert [
        "obs  float32 of shape (4,)",
        "reward  one float64",
        "name  an object",
        "mixed  an object",
        "tokens  ragged int16 of shape (any,)",
        "pair[0]  one bool",
        "pair[1]  uint8 of shape (2,)",
        "list[0]  one float64",
        "list[1]  float64 of shape (1,)",
        "objects  an object",
    ] == [" ".join([line.split()[0], "", *line.split()[1:]]) for line in schema.describe().splitlines()]
    assert 3 == schema.length(schema.stacked(columns))


@pytest.mark.parametrize("column", [1.0, "text", None, np.float32(1), np.zeros(())])
def test_a_single_value_is_no_first_column(column):
    with pytest.raises(SchemaError, match=r"^a: expected a column, got"):
        Schema.of_columns({"a": column})


def test_delivered_columns_are_what_a_batch_shows():
    schema = Schema.from_spec({"a": np.float32, "b": object, "c": Ragged(np.int64)})
    columns = {"a": np.zeros(2, np.float32), "b": [[1], [2]], "c": [[1, 2], []]}

    a, b, c = schema.delivered(schema.stacked(columns))

    assert columns["a"] is a
    assert [[1], [2]] == b.tolist()
    assert RaggedColumn(np.array([1, 2]), [2, 0]) == c


def test_tensors_are_stacked_and_delivered_as_tensors():
    torch = pytest.importorskip("torch")
    schema = Schema.of({"a": torch.zeros(2), "b": torch.zeros((), dtype=torch.bfloat16)})
    rows = [{"a": torch.full((2,), float(row)), "b": row} for row in range(3)]

    a, b = schema.delivered(schema.stacked(rows))

    assert [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]] == a.tolist()
    assert (torch.bfloat16, [0.0, 1.0, 2.0]) == (b.dtype, b.tolist())
    again = schema.delivered(schema.stacked({"a": a, "b": b}))
    assert torch.equal(a, again[0])
    assert torch.equal(b, again[1])


# The schema itself.


@given(make=payload_makers())
def test_a_schema_is_equal_to_its_copies(make):
    schema = Schema.of(make(1))

    for other in (
        Schema.of(make(2)) if schema.fields == Schema.of(make(2)).fields else schema,
        copy.deepcopy(schema),
        pickle.loads(pickle.dumps(schema)),
        Schema.from_state(json.loads(json.dumps(schema.state()))),
    ):
        assert schema == other
        assert hash(schema) == hash(other)
        assert schema.leaves(make(3)) is not other.leaves(make(3))


def test_schemas_differ_by_dtype_shape_keys_and_containers():
    schema = Schema.of({"a": 1})

    for other in ({"a": 1.0}, {"a": np.zeros(1, int)}, {"b": 1}, {"a": [1]}, {"a": (1,)}, [1], EasyDict(a=1)):
        assert schema != Schema.of(other)
    assert schema != {"a": 1}


def test_it_describes_itself_with_a_line_for_each_field():
    schema = Schema.of({"obs": {"camera": np.zeros((2, 2), np.uint8)}, "done": True, "info": None})

    assert (
        "obs.camera  uint8 of shape (2, 2)\ndone        one bool\ninfo        an object" == schema.describe()
    )
    assert "Schema(obs.camera: uint8 of shape (2, 2), done: one bool, info: an object)" == repr(schema)
    assert "" == Schema.of({}).describe()


def test_only_a_flat_dict_has_keys():
    assert ("a",) == Schema.of({"a": 1}).keys
    assert Schema.of({"a": {"b": 1}}).keys is None
    assert Schema.of([1]).keys is None
    assert Schema.of(1).keys is None
    assert Schema.of(EasyDict(a=1)).keys is None


def test_trees_are_wrapped_again():
    trees = pytest.importorskip("treetensor.torch")
    torch = pytest.importorskip("torch")
    tree = trees.Tensor({"a": torch.zeros(2), "b": {"c": torch.ones(1)}})
    schema = Schema.of({"tree": tree})

    row = schema.build(schema.leaves({"tree": tree}))
    assert {"a", "b"} == row["tree"].keys()
    assert dict is type(row["tree"])
    assert schema.has_trees
    assert bool((tree == schema.wrapped(row)["tree"]).all())
    # A tree has its branches in any order.
    assert [[[0.0, 0.0]], [[1.0]]] == sorted(
        column.tolist() for column in schema.delivered(schema.stacked([{"tree": tree}]))
    )
    assert not Schema.of({"a": 1}).has_trees


# At once, or not at all.


@pytest.mark.parametrize(
    "spec", [np.int64, [np.int64], {1: np.int64}, {"a": object}, {"a": {"b": np.int64}}, {}]
)
def test_what_is_no_flat_dict_of_numbers_is_never_stacked_at_once(spec):
    schema = Schema.from_spec(spec)

    assert schema.at_once([schema.build([0] * len(schema.fields))]) is None


@given(data=st.data())
def test_at_once_or_one_by_one_the_columns_are_the_same(data):
    schema = Schema.of({"obs": np.zeros(2, np.float32), "n": 0, "x": 0.5, "done": False})
    value = st.sampled_from(
        [0, 3, -1, 2**40, 0.5, True, np.int64(2), np.float32(1.5), np.bool_(True), np.array(4), np.ones(2)]
    )
    row = st.fixed_dictionaries(
        {
            "obs": st.sampled_from([np.ones(2, np.float32), np.ones(2), [1, 2], np.ones(4, np.float32)[::2]]),
            **dict.fromkeys(("n", "x", "done"), value),
        }
    )
    rows = data.draw(st.lists(row, max_size=3))
    at_once = schema.at_once(rows)
    try:
        one_by_one = schema.stacked_rows(rows)
    except SchemaError:
        assert at_once is None
        return

    for found in (at_once, schema.at_once(schema.build(one_by_one))):
        for expected, actual in zip(one_by_one, found or one_by_one, strict=True):
            assert (expected.dtype, expected.shape) == (actual.dtype, actual.shape)
            assert expected.tobytes() == actual.tobytes()
    assert schema.at_once(schema.build(one_by_one)) is not None

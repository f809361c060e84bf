from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from easydict import EasyDict

from ding_buffer.core.errors import SchemaError
from ding_buffer.storages.schema import Schema
from ding_buffer.storages.schema_spec import Ragged, Spec
from tests.storages.payloads import Pair, Step


@pytest.mark.parametrize(
    ("spec", "payload"),
    [
        (np.float32, np.float32(0)),
        (np.dtype(np.uint8), np.uint8(0)),
        ("int16", np.int16(0)),
        (float, 0.5),
        (bool, True),
        (int, 1),
        ((np.float32, (4,)), np.zeros(4, np.float32)),
        ((np.float32, ()), np.float32(0)),
        (Spec(np.uint8, (2, 3)), np.zeros((2, 3), np.uint8)),
        (Spec("float32", 4), np.zeros(4, np.float32)),
        (object, None),
        ("object", "text"),
        (str, "text"),
        ({"a": np.float32, "b": {"c": (float, (2,))}}, {"a": np.float32(0), "b": {"c": np.zeros(2)}}),
        (EasyDict(a=int), EasyDict(a=1)),
        ([int, float], [1, 0.5]),
        ((int, float), (1, 0.5)),
        ((int, (2,)), np.zeros(2, np.int64)),
        ((int, float, str), (1, 0.5, "text")),
        (Pair(int, (float, (2,))), Pair(1, np.zeros(2))),
        (Step(int, float), Step(1, 0.5)),
    ],
)
def test_a_spec_makes_the_schema_that_a_payload_would(spec, payload):
    assert Schema.of(payload) == Schema.from_spec(spec)


def test_a_spec_may_ask_for_tensors():
    torch = pytest.importorskip("torch")
    payload = {"a": torch.zeros(2), "b": torch.zeros((), dtype=torch.int64)}

    spec = {"a": (torch.float32, (2,)), "b": torch.int64}

    assert Schema.of(payload) == Schema.from_spec(spec)
    assert Schema.of(payload) == Schema.from_spec({"a": Spec(torch.float32, (2,)), "b": Spec(torch.int64)})
    with pytest.raises(
        SchemaError, match=r"^the payload: expected a dtype of numbers, got torch\.complex32\.$"
    ):
        Schema.from_spec(torch.complex32)


def test_ragged_fields_vary_in_their_first_dimension():
    one, two = Schema.from_spec([Ragged(np.int64), Ragged("float32", (None, 3))]).fields

    assert ("ragged", np.dtype(np.int64), (None,)) == (one.kind, one.dtype, one.shape)
    assert ("ragged", np.dtype(np.float32), (None, 3)) == (two.kind, two.dtype, two.shape)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (Ragged(np.int64, (3,)), "expected a shape that begins with None, got (3,)."),
        (Ragged(np.int64, (None, None)), "expected a shape that begins with None, got (None, None)."),
        (Ragged(object), "expected a dtype of numbers, got <class 'object'>."),
        (Spec(np.int64, (-1,)), "expected a shape, got (-1,)."),
        (
            Spec(np.int64, (None,)),  # type: ignore[arg-type]
            "expected a shape, got (None,).",
        ),
        ("no dtype", "expected a dtype, got the str 'no dtype'."),
        (5, "expected a field, got 5."),
        (None, "expected a field, got None."),
    ],
)
def test_what_describes_no_field_is_refused(spec, message):
    with pytest.raises(SchemaError) as refused:
        Schema.from_spec({"x": spec})

    assert f"x: {message}" == str(refused.value)


def test_a_spec_that_holds_arrays_is_refused():
    with pytest.raises(SchemaError, match=r"^x: expected a field, got float64 of shape \(2,\).$"):
        Schema.from_spec({"x": np.zeros(2)})


@pytest.fixture
def spaces() -> Any:
    return pytest.importorskip("gymnasium").spaces


def test_every_gymnasium_space_takes_its_samples(spaces):
    every = {
        "box": spaces.Box(0, 255, (4, 4), np.uint8),
        "discrete": spaces.Discrete(5),
        "binary": spaces.MultiBinary((2, 3)),
        "multi": spaces.MultiDiscrete([2, 3]),
        "text": spaces.Text(5),
        "several": spaces.Sequence(spaces.Discrete(3)),
        "stacked": spaces.Sequence(spaces.Box(0, 1, (2,)), stack=True),
        "graph": spaces.Graph(spaces.Box(0, 1, (2,)), None),
        "dict": spaces.Dict(a=spaces.Discrete(2), b=spaces.Tuple((spaces.Box(0, 1), spaces.Discrete(3)))),
    }
    schema = Schema.from_spec(every)

    samples = [{key: space.sample() for key, space in every.items()} for _ in range(20)]

    for sample in samples:
        schema.check(sample)
    assert 20 == schema.length(schema.stacked(samples))
    expected = {
        "box": "uint8 of shape (4, 4)",
        "discrete": "one int64",
        "binary": "int8 of shape (2, 3)",
        "multi": "int64 of shape (2,)",
        "text": "an object",
        "several": "an object",
        "stacked": "ragged float32 of shape (any, 2)",
        "graph": "an object",
        "dict.a": "one int64",
        "dict.b[0]": "float32 of shape (1,)",
        "dict.b[1]": "one int64",
    }
    assert expected == dict(line.split(maxsplit=1) for line in schema.describe().splitlines())


def test_spaces_stand_anywhere_in_a_spec(spaces):
    box = spaces.Box(-1, 1, (3,), np.float32)
    payload = {"obs": np.zeros(3, np.float32), "pair": Pair(np.int64(0), [np.zeros(3, np.float32)])}

    assert Schema.of(payload) == Schema.from_spec({"obs": box, "pair": Pair(spaces.Discrete(2), [box])})
    assert Schema.of(payload["obs"]) == Schema.from_spec(box)
    assert Schema.of({"obs": payload["obs"]}) == Schema.from_spec(spaces.Dict(obs=box))
    assert Schema.of({"o": {"p": payload["obs"]}}) == Schema.from_spec({"o": spaces.Dict(p=box)})
    assert Schema.of(Pair({"p": payload["obs"]}, 1)) == Schema.from_spec(Pair(spaces.Dict(p=box), int))


@pytest.mark.parametrize(
    ("text", "shape"), [("float32[4]", (4,)), ("uint8[84, 84,4]", (84, 84, 4)), (" int64 [ 2 ]", (2,))]
)
def test_a_text_may_tell_the_shape_in_brackets(text, shape):
    (field,) = Schema.from_spec({"obs": text}).fields

    assert ("array", shape) == (field.kind, field.shape)


def test_a_text_with_empty_brackets_is_of_any_length():
    assert Schema.from_spec({"ids": Ragged(np.int64)}) == Schema.from_spec({"ids": "int64[]"})


@pytest.mark.parametrize("text", ["float33[4]", "float32[4", "float32[a]", "float32[-1]"])
def test_a_text_that_is_no_dtype_is_refused_by_name(text):
    with pytest.raises(SchemaError, match="obs: expected a dtype"):
        Schema.from_spec({"obs": text})


@pytest.mark.parametrize("kind", [dict, list, np.ndarray])
def test_a_class_of_containers_is_no_field(kind):
    with pytest.raises(SchemaError, match=r"obs: expected a field, got a type\."):
        Schema.from_spec({"obs": kind})

from __future__ import annotations

import json
from collections import namedtuple
from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument, CorruptSnapshot
from ding_buffer.storages.schema import Schema
from ding_buffer.storages.schema_spec import Ragged
from tests.storages.payloads import Pair, Step

EVERY = {
    "array": np.zeros((2, 3), np.float32),
    "structured": np.zeros(2, np.dtype([("a", "i1"), ("b", "f8", (2,))], align=True)),
    "date": np.datetime64("2020-01-01T00:00:00"),
    "text": np.array(["abc"]),
    "object": None,
    3: (1, [2.0]),
    None: Pair(1, Step(True, 1j)),
}


def through_json(schema):
    return json.loads(json.dumps(schema.state()))


def test_a_schema_comes_back_from_its_description():
    schema = Schema.of(EVERY)

    back = Schema.from_state(through_json(schema))

    assert schema == back
    assert [field.dtype for field in schema.fields] == [field.dtype for field in back.fields]


def test_ragged_fields_and_tensors_come_back():
    schema = Schema.from_spec({"tokens": Ragged(np.int64), "points": Ragged(np.float32, (None, 3))})
    assert schema == Schema.from_state(through_json(schema))

    torch = pytest.importorskip("torch")
    schema = Schema.from_spec([(torch.bfloat16, (2,)), torch.float32])
    assert schema == Schema.from_state(through_json(schema))


def test_a_description_of_the_other_byte_order_is_read_in_the_own():
    state = Schema.of(np.zeros(2, np.float32)).state()

    state["dtype"] = "'>f4'"

    assert Schema.of(np.zeros(2, np.float32)) == Schema.from_state(state)


def test_what_json_has_not_is_refused():
    with pytest.raises(
        BadArgument, match=r"\[\(1, 2\)\] cannot be written: keys are texts, numbers or None."
    ):
        Schema.of({(1, 2): 3}).state()
    hidden: Any = namedtuple("hidden", "x")
    with pytest.raises(BadArgument, match="no class is found under this name"):
        Schema.of(hidden(1)).state()


def changed(**parts):
    return {**Schema.of(Pair(1, 2)).state(), **parts}


@pytest.mark.parametrize(
    "state",
    [
        None,
        [],
        {},
        "dict",
        changed(kind="tree"),
        changed(kind="dataclass"),
        changed(kind="list"),
        changed(kind="call"),
        changed(keys=["left"]),
        changed(keys=["left", "left"]),
        changed(keys=["left", "other"]),
        changed(keys=[["left"], "right"]),
        changed(parts=[]),
        changed(parts=5),
        {**changed(kind="dict"), "keys": ["a", "b"]},
        {"kind": "tuple", "class": None, "keys": ["a"], "parts": [Schema.of(1).state()]},
        {"kind": "tree", "class": None, "keys": [], "parts": []},
        {"kind": "dataclass", "class": "builtins:dict", "keys": [], "parts": []},
        {
            "kind": "dataclass",
            "class": f"{Step.__module__}:Step",
            "keys": ["no"],
            "parts": [Schema.of(1).state()],
        },
        {"kind": "namedtuple", "class": "builtins:tuple", "keys": [], "parts": []},
        {"kind": "array", "dtype": "'<f4'", "shape": [-1], "torch": None},
        {"kind": "array", "dtype": "'<f4'", "shape": [None], "torch": None},
        {"kind": "array", "dtype": "'|O'", "shape": [], "torch": None},
        {"kind": "object", "dtype": "'<f4'", "shape": [], "torch": None},
        {"kind": "array", "dtype": "print()", "shape": [], "torch": None},
        {"kind": "array", "dtype": "'no'", "shape": [], "torch": None},
        {"kind": "array", "dtype": "5", "shape": [], "torch": None},
        {"kind": "array", "dtype": "'<f4'", "shape": [], "torch": "float32"},
        {"kind": "tensor", "dtype": "'<f4'", "shape": [], "torch": None},
        {"kind": "tensor", "dtype": "'<f4'", "shape": [], "torch": "float64"},
        {"kind": "tensor", "dtype": "'<f4'", "shape": [], "torch": "no"},
        {"kind": "ragged", "dtype": "'<f4'", "shape": [2], "torch": None},
        {"kind": "ragged", "dtype": "'<f4'", "shape": [None, None], "torch": None},
    ],
)
def test_what_describes_no_schema_is_refused(state):
    with pytest.raises(CorruptSnapshot, match="The saved schema does not fit together"):
        Schema.from_state(state)


def test_a_class_that_is_not_loaded_is_named():
    with pytest.raises(CorruptSnapshot, match="Import somewhere before loading it"):
        Schema.from_state(changed(**{"class": "somewhere:Pair"}))


def test_a_description_that_never_ends_is_refused():
    state: dict = {"kind": "list", "class": None, "keys": [0]}
    state["parts"] = [state]

    with pytest.raises(CorruptSnapshot, match="The saved schema does not fit together"):
        Schema.from_state(state)

from __future__ import annotations

import copy
import pickle
from collections import defaultdict

import pytest
from easydict import EasyDict

from ding_buffer.core.errors import BadArgument
from ding_buffer.pipeline.field_rows import FieldRows


@pytest.mark.parametrize("names", [[], ["a"], ["a", "b"], ["c", "a", "b"]], ids=str)
def test_a_row_has_the_values_in_the_order_of_the_names_and_turns_back(names):
    rows = FieldRows(names)
    step = {"a": 1, "b": [2], "c": None, "d": "left out"}

    assert tuple(step[name] for name in names) == rows.row(step) == rows.quick(step)
    assert {name: step[name] for name in names} == rows.step(rows.row(step))
    assert names == list(rows.columns([]))
    assert {name: [step[name]] * 2 for name in names} == rows.columns([rows.row(step)] * 2)


def test_a_missing_field_is_named():
    with pytest.raises(KeyError, match="Required data 'b' not found in step_data"):
        FieldRows(["a", "b"]).row({"a": 1})


def test_a_mapping_that_makes_up_values_is_not_asked_to():
    step = defaultdict(int, a=1)
    with pytest.raises(KeyError, match="'b'"):
        FieldRows(["a", "b"]).row(step)

    assert {"a": 1} == step


def test_any_mapping_will_do():
    assert (1,) == FieldRows(["a"]).row(EasyDict(a=1, b=2))
    with pytest.raises(BadArgument, match="mapping with the fields"):
        FieldRows(["a"]).row([1])  # type: ignore[arg-type]


@pytest.mark.parametrize("step", [{"a": 1}, {"a": 1, "b": 2, "c": 3}, {}])
def test_exact_keys_are_all_and_no_others(step):
    rows = FieldRows(["a", "b"], exact=True)

    assert (1, 2) == rows.row({"b": 2, "a": 1})
    with pytest.raises(ValueError, match=r"Data keys .* do not match expected keys"):
        rows.row(step)


def test_names_may_come_from_a_generator_and_twice():
    assert ("a", "b") == FieldRows(name for name in "aba").names


@pytest.mark.parametrize("names", ["state", b"state", [1], [None]])
def test_what_is_no_list_of_names_is_refused(names):
    with pytest.raises(TypeError):
        FieldRows(names)


@pytest.mark.parametrize("names", [[], ["a"], ["b", "a"]], ids=str)
def test_copies_make_the_same_rows(names):
    rows = FieldRows(names, exact=True)
    for made in (copy.deepcopy(rows), pickle.loads(pickle.dumps(rows))):
        assert (rows.names, True) == (made.names, made.exact)
        assert rows.quick({"a": 1, "b": 2}) == made.quick({"a": 1, "b": 2})

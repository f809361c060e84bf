from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict
from typing import Any, NamedTuple

import numpy as np
import pytest
from easydict import EasyDict

from ding_buffer.core.errors import SchemaError
from ding_buffer.storages.container import container_of, take_apart
from ding_buffer.storages.field import Field


class Step(NamedTuple):
    obs: Any
    reward: float


@dataclasses.dataclass
class Transition:
    obs: Any
    done: bool = False
    made: bool = dataclasses.field(init=False)

    def __post_init__(self):
        self.made = True


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    obs: Any


def shape_of(value):
    return container_of(value, lambda path, part: None if take_apart(part) else Field.of(path, part))


def opened(shape, value):
    found: list[Any] = []
    shape.leaves(value, found)
    return found


CONTAINERS = [
    ({"a": 1, "b": {"c": 2.0}}, [1, 2.0]),
    (EasyDict(a=1, b={"c": 2.0}, rest=(3, [4])), [1, 2.0, 3, 4]),
    ([1, [2, 3]], [1, 2, 3]),
    ((1, (2, 3)), [1, 2, 3]),
    (Step((1, 2), 3.0), [1, 2, 3.0]),
    (Transition({"a": 1}), [1, False, True]),
    (Frozen(1), [1]),
    ({}, []),
    ({1: "a", None: "b"}, ["a", "b"]),
]


@pytest.mark.parametrize(("value", "leaves"), CONTAINERS)
def test_a_container_is_taken_apart_and_put_together(value, leaves):
    shape = shape_of(value)

    assert leaves == opened(shape, value)
    back = shape.build(iter(leaves), trees=False)
    assert type(value) is type(back)
    assert value == back
    assert len(leaves) == len(list(shape.fields()))


def test_an_easydict_comes_back_with_attributes_and_the_parts_it_was_given():
    shape = shape_of(EasyDict(a=1, b=[1, 2]))
    held = Step(1, 2.0)

    back = shape.build(iter([held, 3, 4]), trees=False)

    assert held is back.a
    assert held is back["a"]
    assert [3, 4] == back.b


def test_the_constructor_of_a_dataclass_is_not_run():
    back = shape_of(Transition(1)).build(iter([5, True, False]), trees=False)

    assert (5, True, False) == (back.obs, back.done, back.made)


def test_a_mapping_of_any_class_fits_with_its_keys_in_any_order():
    shape = shape_of({"a": 1, "b": 2})

    for value in (OrderedDict(b=2, a=1), EasyDict(b=2, a=1), defaultdict(int, b=2, a=1)):
        assert [1, 2] == opened(shape, value)
    assert {"a": 1, "b": 2} == shape_of(OrderedDict(a=1, b=2)).build(iter([1, 2]), trees=False)


def test_a_mapping_that_makes_what_it_lacks_is_not_asked_to():
    value = defaultdict(int, a=1, c=2)

    with pytest.raises(SchemaError):
        opened(shape_of({"a": 1, "b": 2}), value)

    assert {"a": 1, "c": 2} == value


@pytest.mark.parametrize(
    ("first", "value", "message"),
    [
        (
            {"obs": {"camera": np.zeros(2, np.uint8), "x": 1}},
            {"obs": {"x": 1}},
            "obs.camera: expected uint8 of shape (2,), got nothing, only ['x'].",
        ),
        ({"a": 1}, {"a": 1, "b": "x"}, "b: expected no such field, only ['a'], got the str 'x'."),
        ({"a": 1}, {"b": 1}, "a: expected one int64, got nothing, only ['b']."),
        ({"a": {"b": 1}}, {"a": 5}, "a: expected a dict of ['b'], got 5."),
        ({"a": 1}, [1], "the payload: expected a dict of ['a'], got a list of 1."),
        ({"a": {"b": 1}}, {}, "a: expected a dict of ['b'], got nothing, only []."),
        ([1, 2], (1, 2), "the payload: expected a list of 2, got a tuple of 2."),
        ((1, 2), [1, 2], "the payload: expected a tuple of 2, got a list of 2."),
        (
            {"x": (1, 2)},
            {"x": (1, 2, 3)},
            "x: expected a tuple of 2, got a tuple of 3; for lengths that differ, name the field Ragged in",
        ),
        (Step(1, 2.0), (1, 2.0), "the payload: expected a Step of 2, got a tuple of 2."),
        (Transition(1), Frozen(1), "the payload: expected a Transition of 3, got a Frozen."),
    ],
)
def test_another_container_is_refused(first, value, message):
    with pytest.raises(SchemaError) as refused:
        opened(shape_of(first), value)

    assert str(refused.value).startswith(message)


def test_a_dataclass_that_lacks_a_field_is_refused():
    bare = object.__new__(Transition)
    bare.obs = 1

    with pytest.raises(SchemaError, match=r"^made: expected one bool, got nothing, only \['obs', 'done'\].$"):
        opened(shape_of(Transition(1)), bare)


@pytest.mark.parametrize("value", [1, "text", b"x", None, np.zeros(2), {1, 2}, range(3), Step])
def test_a_leaf_is_no_container(value):
    assert take_apart(value) is None


def test_what_is_neither_leaf_nor_container_is_refused():
    with pytest.raises(SchemaError, match=r"^a: expected a field, got 5.$"):
        container_of({"a": 5}, lambda path, part: None)


def test_a_tree_becomes_a_dict_or_a_tree():
    trees = pytest.importorskip("treetensor.torch")
    torch = pytest.importorskip("torch")
    tree = trees.Tensor({"a": torch.zeros(2), "b": {"c": torch.ones(1)}})
    shape = shape_of(tree)

    leaves = opened(shape, tree)

    # A tree has its branches in any order.
    assert [[0.0, 0.0], [1.0]] == sorted(leaf.tolist() for leaf in leaves)
    names = [field.path[-1] for field in shape.fields()]
    assert {"a": "a", "b": {"c": "c"}} == shape.build(iter(names), trees=False)
    back = shape.build(iter(leaves), trees=True)
    assert type(tree) is type(back)
    assert bool((tree == back).all())
    assert names == opened(shape, {"a": "a", "b": {"c": "c"}})

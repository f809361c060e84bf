from __future__ import annotations

import dataclasses
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from easydict import EasyDict

from ding_buffer.core.leaves import leaves_of, map_leaves


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclasses.dataclass(frozen=True)
class Step:
    obs: Any
    inner: Any = None

    def __post_init__(self):
        if self.obs == "never":
            raise ValueError("the constructor was run")


@pytest.mark.parametrize(
    ("value", "doubled"),
    [
        (3, 6),
        ({"a": 1, "b": [2, (3,)]}, {"a": 2, "b": [4, (6,)]}),
        (Pair(1, {"x": 2}), Pair(2, {"x": 4})),
        (EasyDict(a=1, b=EasyDict(c=2)), EasyDict(a=2, b=EasyDict(c=4))),
        (MappingProxyType({"a": 1}), {"a": 2}),
        ({}, {}),
        ([], []),
    ],
)
def test_each_leaf_is_changed_and_containers_keep_their_type(value, doubled):
    made = map_leaves(lambda leaf: leaf * 2, value)

    assert doubled == made
    assert type(doubled) is type(made)


def test_a_dataclass_is_made_without_its_constructor():
    made = map_leaves(lambda leaf: "never", Step(1, Step(2)))

    assert ("never", "never", "never") == (made.obs, made.inner.obs, made.inner.inner)
    assert Step is type(made) is type(made.inner)


def test_what_is_no_container_is_a_leaf():
    leaves = [np.zeros(2), "text", b"bytes", None, {1, 2}, int, Step]

    assert [id(leaf) for leaf in leaves] == [id(leaf) for leaf in leaves_of(leaves)]


def test_a_tree_becomes_a_dict():
    parts = {"__module__": "treevalue.tree.tree", "items": lambda self: {"a": 1}.items()}
    tree: Any = type("TreeValue", (), parts)()

    assert {"a": 2} == map_leaves(lambda leaf: leaf + 1, tree)


def test_others_of_the_same_structure_come_along():
    first = {"a": 1, "b": (2, Step(3))}
    second = {"b": (20, Step(30, 1)), "a": 10}

    made = map_leaves(lambda one, other: None if one is None else one + other, first, second)

    assert {"a": 11, "b": (22, Step(33))} == made


def test_leaves_come_in_the_order_of_the_containers():
    assert [1, 2, 3, 4] == list(leaves_of({"a": 1, "b": [2, Pair(3, 4)]}))


def test_others_of_another_structure_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        map_leaves(lambda one, other: one, [1, 2], [1])

from __future__ import annotations

import collections
import copy
import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest
from easydict import EasyDict
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.copies import clone, is_tensor, is_tree, with_entry, without_entry
from ding_buffer.core.item import BufferedData


class Step(NamedTuple):
    obs: Any
    reward: float


@dataclasses.dataclass
class Transition:
    obs: Any
    done: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    obs: Any


class Own(dict):
    def __deepcopy__(self, memo):
        return Own(copied=True)


LEAVES = st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary())
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(max_size=3), inner, max_size=4),
        st.tuples(inner, inner),
        st.builds(Step, inner, st.just(1.0)),
        st.builds(Transition, inner),
        st.builds(Frozen, inner),
    ),
    max_leaves=12,
)


def mutable_parts(value, seen=None):
    """The ids of all lists, dicts and objects within a value."""
    seen = set() if seen is None else seen
    if isinstance(value, dict):
        seen.add(id(value))
        parts = list(value.values())
    elif isinstance(value, (list, tuple)):
        seen.update([id(value)] if isinstance(value, list) else [])
        parts = list(value)
    elif dataclasses.is_dataclass(value):
        seen.add(id(value))
        parts = [getattr(value, field.name) for field in dataclasses.fields(value)]
    else:
        parts = []
    for part in parts:
        mutable_parts(part, seen)
    return seen


@given(VALUES)
def test_a_copy_is_equal_of_the_same_types_and_shares_nothing_mutable(value):
    made = clone(value)

    assert value == made
    assert repr(value) == repr(made)
    assert not mutable_parts(value) & mutable_parts(made)


@pytest.mark.parametrize(
    "value",
    [
        np.arange(3),
        np.asfortranarray(np.ones((2, 3))),
        np.array([1, 2], dtype="i4"),
        np.zeros(2, dtype=[("a", "i4"), ("b", "f8")]),
        np.empty(0),
        np.array(5),
    ],
)
def test_arrays_are_copied(value):
    made = clone(value)

    assert np.array_equal(value, made)
    assert value.dtype == made.dtype
    assert not np.shares_memory(value, made)


def test_arrays_of_objects_are_copied_with_the_objects():
    value = np.array([[1], None], dtype=object)
    value[1] = value[0]
    made = clone(value)

    assert made[0] == [1]
    assert made[0] is not value[0]
    assert made[0] is made[1]


def test_a_record_of_an_array_is_copied():
    record = np.zeros(2, dtype=[("a", "i4")])[0]
    made = clone(record)
    record["a"] = 5

    assert 0 == made["a"]
    assert clone(np.float32(1.5)) == np.float32(1.5)


@pytest.mark.parametrize(
    "value",
    [
        EasyDict(a={"b": [1]}),
        collections.OrderedDict(a=[1]),
        collections.defaultdict(list, a=[1]),
        {1, 2},
        frozenset({(1, 2)}),
        collections.deque([[1]], maxlen=3),
        bytearray(b"x"),
    ],
)
def test_containers_keep_their_type(value):
    made = clone(value)

    assert value == made
    assert type(value) is type(made)
    assert isinstance(value, frozenset) or value is not made


def test_an_easydict_is_copied_in_its_depths():
    value = EasyDict(a={"b": [1]})
    made = clone(value)
    made.a.b.append(2)

    assert [1] == value.a.b
    assert EasyDict is type(made.a)
    assert made["a"] is made.a


def test_a_defaultdict_still_makes_defaults():
    assert [] == clone(collections.defaultdict(list))["new"]


def test_a_dataclass_is_copied_with_what_is_no_field():
    value = Transition([1])
    value.extra = [2]  # type: ignore[attr-defined]
    made = clone(value)

    assert [2] == made.extra
    assert made.extra is not value.extra  # type: ignore[attr-defined]


def test_a_field_that_was_never_set_stays_so():
    @dataclasses.dataclass
    class Half:
        there: Any
        missing: Any = dataclasses.field(init=False)

    assert not hasattr(clone(Half([1])), "missing")


def test_an_item_is_copied_with_payload_and_meta():
    item = BufferedData([1], "abc", {"a": [2]})
    made = clone(item)

    assert item == made
    assert made.data is not item.data
    assert made.meta["a"] is not item.meta["a"]


def test_a_class_that_says_how_it_is_copied_is_asked():
    assert {"copied": True} == clone(Own(a=1))


def test_what_is_shared_within_a_value_stays_shared():
    part, array = [1], np.zeros(2)
    made = clone({"a": part, "b": (part, array), "c": array, "d": {"e": collections.deque([part])}})

    assert made["a"] is made["b"][0]
    assert made["a"] is made["d"]["e"][0]
    assert made["b"][1] is made["c"]


def test_a_value_that_holds_itself_can_be_copied():
    value: list[Any] = [1]
    value.append({"me": value})
    made = clone(value)

    assert made is made[1]["me"]
    assert made is not value


class Tree:
    """Makes its branches anew whenever they are asked for, as a tree value does."""

    def __init__(self, parts):
        self.parts = parts

    def items(self):
        for key, part in self.parts.items():
            yield key, type(self)(part) if isinstance(part, dict) else part


TreeValue: Any = type("TreeValue", (Tree,), {"__module__": "treevalue.tree.tree"})


def plain(tree):
    return {key: plain(part) if isinstance(part, Tree) else part.tolist() for key, part in tree.items()}


def test_branches_that_a_tree_makes_anew_are_not_mixed_up():
    tree = TreeValue({str(n): {str(m): np.array([n, m]) for m in range(9)} for n in range(50)})
    made = clone(tree)

    assert plain(tree) == plain(made)
    assert TreeValue is type(made)
    assert not np.shares_memory(tree.parts["3"]["4"], dict(made.parts["3"].items())["4"])


def test_a_tree_is_known_by_its_name_and_home():
    assert is_tree(TreeValue({}))
    assert is_tree(type("Sub", (TreeValue,), {})({}))
    assert not is_tree(Tree({}))
    assert not is_tree({})


def test_a_payload_is_given_an_entry_in_a_copy():
    for payload in ({"a": [1]}, EasyDict(a=[1]), collections.OrderedDict(a=[1])):
        made = with_entry(payload, "weight", 2.0)
        assert {"a": [1], "weight": 2.0} == made
        assert type(payload) is type(made)
        assert {"a": [1]} == payload
        assert made["a"] is payload["a"] or isinstance(
            payload, EasyDict
        )  # which copies each list it is given
        without = without_entry(made, "weight")
        assert payload == without
        assert "weight" in made
    tree = TreeValue({"a": np.zeros(1)})
    made = with_entry(tree, "weight", np.ones(1))
    assert ["a", "weight"] == [key for key, _ in made.items()]
    assert (
        ["a"] == [key for key, _ in tree.items()] == [key for key, _ in without_entry(made, "weight").items()]
    )


def test_tensors_are_copied_with_what_they_require_and_without_their_graph():
    torch = pytest.importorskip("torch")
    leaf = torch.ones(2, requires_grad=True)
    for value in (
        torch.arange(3),
        torch.ones(2, dtype=torch.float16),
        leaf,
        leaf * 2,
        torch.nn.Parameter(torch.ones(1)),
    ):
        made = clone({"a": value})["a"]
        assert is_tensor(made)
        assert torch.equal(value, made)
        assert (value.dtype, value.device, value.requires_grad) == (
            made.dtype,
            made.device,
            made.requires_grad,
        )
        assert made.is_leaf
        assert value.data_ptr() != made.data_ptr()
        assert type(value) is type(made)
    assert not is_tensor(np.ones(1))


def test_tree_tensors_are_copied():
    ttorch = pytest.importorskip("treetensor.torch")
    torch = pytest.importorskip("torch")
    value = ttorch.as_tensor({"a": torch.ones(2), "b": {"c": torch.zeros(3)}})
    made = clone(value)
    made.b.c.fill_(5)

    assert type(value) is type(made)
    assert 0.0 == float(value.b.c.sum())
    assert 1.0 == float(with_entry(value, "w", torch.ones(1)).w)


def test_what_the_standard_cannot_copy_is_refused_by_the_standard():
    with pytest.raises(TypeError):
        clone(number for number in range(3))


def test_copies_agree_with_the_standard_ones():
    value = {"a": [1, (2, [3])], "b": Transition([4]), "c": {5, 6}}

    assert copy.deepcopy(value) == clone(value)

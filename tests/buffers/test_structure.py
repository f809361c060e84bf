"""Payloads taken apart and put together again; what a description can and cannot make."""

from __future__ import annotations

import json
import sys
import types
from collections import OrderedDict, namedtuple
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar

import numpy as np
import pytest
from easydict import EasyDict

from ding_buffer.buffers import structure
from ding_buffer.buffers.structure import LONG, flatten, register_payload, unflatten
from ding_buffer.core.errors import BadArgument, CorruptSnapshot

HERE = __name__
Point = namedtuple("Point", "x y")
Misnamed = namedtuple("Misspelled", "x")  # type: ignore[name-match]


class Outer:
    """A class that is neither of the kinds a file may make."""

    runs: ClassVar[int] = 0

    def __init__(self) -> None:
        Outer.runs += 1

    @dataclass
    class Inner:
        """A dataclass that lives in a class."""

        value: int


@dataclass
class Step:
    obs: object
    tags: list = field(default_factory=list)

    def __post_init__(self):
        self.made = True


@dataclass(frozen=True, slots=True)
class Frozen:
    obs: object
    reward: float = 0.0


class Temperature:
    """A class that only its user can take apart."""

    def __init__(self, degrees):
        self.degrees = degrees


@pytest.fixture
def registered() -> Iterator[None]:
    """Forgets afterwards who was registered."""
    before = dict(structure._CUSTOM)
    yield
    structure._CUSTOM.clear()
    structure._CUSTOM.update(before)


def taken_apart(value):
    leaves: list[Any] = []
    return flatten(value, leaves), leaves


def back(value):
    """What comes back when the description went through JSON, as it does in a file."""
    description, leaves = taken_apart(value)
    rest = iter(leaves)
    made = unflatten(json.loads(json.dumps(description)), rest)
    assert [] == list(rest), "every leaf is used"
    return made


VALUES = [
    None,
    True,
    -7,
    2**80,
    0.1,
    float("inf"),
    "text with \u00fcml\u00e4uts",
    b"\x00\xff",
    1 + 2j,
    [],
    (),
    (1, "a", None),
    {1, 2},
    frozenset({"x"}),
    {"nested": {"deep": [1, {"er": (2.5,)}]}, 3: "int key", None: 1, False: 2, 0.5: 3},
    EasyDict(a={"b": [1]}),
    Point(1, [2]),
    Step(obs=np.arange(3), tags=["a"]),
    Frozen(obs=(1, 2), reward=0.5),
    Outer.Inner(3),
    np.float32(1.5),
    np.array(7),
    np.zeros((0, 4)),
    np.array([None, "x", [3]], dtype=object),
    list(range(300)),
    tuple(range(100)),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__} {value!r:.20}")
def test_every_kind_of_payload_is_put_together_as_it_was(value):
    made = back(value)

    assert type(value) is type(made)
    assert repr(value) == repr(made)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__} {value!r:.20}")
def test_a_description_can_be_a_key(value):
    assert hash(taken_apart(value)[0]) == hash(taken_apart(value)[0])


def test_payloads_of_one_structure_have_one_description_and_leaves_in_one_order():
    first = taken_apart({"obs": np.zeros(3), "info": (1, "a")})
    second = taken_apart({"obs": np.ones(3), "info": (2, "b")})

    assert first[0] == second[0]
    assert [2, "b"] == second[1][1:]
    for other in ({"obs": np.zeros(4), "info": (1, "a")}, {"obs": np.zeros(3), "info": (1, 2)}):
        assert first[0] != taken_apart(other)[0]


def test_a_long_list_is_a_leaf_and_a_short_one_part_of_the_structure():
    assert ("list", ("int",) * LONG) == taken_apart([0] * LONG)[0]
    assert ("table", "list") == taken_apart([0] * (LONG + 1))[0]
    assert ("table", "tuple") == taken_apart((0,) * (LONG + 1))[0]
    assert "set" == taken_apart(set(range(LONG + 1)))[0][0]


@pytest.mark.parametrize("shape", [(), (1,), (2,), (2, 2), (0, 3)])
def test_an_array_of_objects_keeps_what_is_in_it_whole(shape):
    value = np.empty(shape, dtype=object)
    for place in np.ndindex(shape):
        value[place] = [1, 2] if sum(place) % 2 else np.zeros(3)
    made = back(value)

    assert (shape, np.dtype(object)) == (made.shape, made.dtype)
    assert repr(value) == repr(made)


def test_what_is_put_together_has_containers_of_its_own():
    value = {"a": [1], "b": EasyDict(c=[2])}
    made = back(value)
    made["a"].append(5)
    made["b"].c.append(5)

    assert {"a": [1], "b": {"c": [2]}} == value


def test_constructors_of_user_classes_are_not_run():
    made = back(Step(1))

    assert not hasattr(made, "made")
    assert (1, []) == (made.obs, made.tags)


def test_a_field_without_a_value_stays_without():
    step = object.__new__(Step)
    step.tags = [1]
    made = back(step)

    assert [1] == made.tags
    assert not hasattr(made, "obs")


def test_tensors_are_leaves_and_trees_are_structure():
    torch = pytest.importorskip("torch")
    tensor = torch.ones(2, 3, dtype=torch.bfloat16, requires_grad=True)

    assert (("tensor", "bfloat16", (2, 3), True), [tensor]) == taken_apart(tensor)
    treetensor = pytest.importorskip("treetensor.torch")
    tree = treetensor.as_tensor({"obs": torch.ones(2), "in": {"a": torch.zeros(1)}})
    made = back(tree)
    assert type(tree) is type(made)
    assert torch.equal(tree.obs, made.obs)
    assert torch.equal(tree["in"].a, made["in"].a)


def local_dataclass():
    @dataclass
    class Local:
        a: int

    return Local(1)


@pytest.mark.parametrize(
    "value",
    [
        Temperature(3),
        Step,
        lambda: None,
        OrderedDict(a=1),
        date(2020, 1, 1),
        {(1, 2): 3},
        EasyDict({"a": 1}, b={"c": object()}),
        [{"deep": [object()]}],
        np.array([("a", 1)], dtype=[("x", object), ("n", "i4")]),
        np.ma.masked_array([1, 2], [True, False]),
        np.array([object()], dtype=object),
    ],
    ids=repr,
)
def test_what_has_no_safe_description_is_refused(value):
    with pytest.raises(BadArgument, match="cannot be written"):
        taken_apart(value)


def test_a_class_that_a_file_could_not_name_is_refused_when_it_is_written():
    for value, name in ((local_dataclass(), "<locals>.Local"), (Misnamed(1), "Misspelled")):
        with pytest.raises(BadArgument, match=f"{name} cannot be written: no class is found under this name"):
            taken_apart(value)


def test_a_payload_that_holds_itself_is_never_ending():
    payload: list = []
    payload.append({"again": payload})
    with pytest.raises(RecursionError):
        taken_apart(payload)


# Own classes.


def test_a_registered_class_comes_back_as_its_user_says(registered):
    register_payload(
        Temperature, lambda value: {"degrees": value.degrees}, lambda plain: Temperature(**plain)
    )
    made = back({"outside": Temperature(np.float32(21.5))})

    assert isinstance(made["outside"], Temperature)
    assert np.float32(21.5) == made["outside"].degrees
    register_payload(Temperature, lambda value: value.degrees, lambda degrees: Temperature(-degrees))
    assert -4 == back(Temperature(4)).degrees, "the last word counts"


def test_a_registered_class_goes_before_what_is_known_of_its_kind(registered):
    register_payload(Step, lambda step: step.obs, lambda obs: Step(obs, ["by hand"]))

    assert ["by hand"] == back(Step(1, ["lost"])).tags


def test_a_registered_class_may_hold_another(registered):
    register_payload(
        Temperature, lambda value: Point(value.degrees, None), lambda plain: Temperature(plain.x)
    )

    assert 5 == back(Temperature(Temperature(5))).degrees.degrees


def test_a_type_that_nobody_registered_is_named(registered):
    register_payload(Temperature, lambda value: value.degrees, Temperature)
    description, leaves = taken_apart(Temperature(3))
    structure._CUSTOM.clear()
    with pytest.raises(CorruptSnapshot, match=f"{HERE}:Temperature, which nobody registered"):
        unflatten(description, iter(leaves))


# Descriptions that somebody made up.


def test_a_class_that_is_not_loaded_is_not_imported_but_named():
    for path in ("antigravity:fly", "not.there:Thing", "", "antigravity"):
        with pytest.raises(CorruptSnapshot, match=rf"Import {path.partition(':')[0]} before loading it"):
            unflatten(["dataclass", path, [], []], iter([]))
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("name", ["Nobody", "Step.nobody", "Step.__init__", "HERE", "flatten", ""])
def test_a_name_that_is_no_class_of_a_loaded_module_is_told(name):
    with pytest.raises(CorruptSnapshot, match=f"holds objects of {HERE}:{name}"):
        unflatten(["dataclass", f"{HERE}:{name}", [], []], iter([]))


def test_a_module_that_makes_attributes_when_asked_is_not_asked(monkeypatch):
    lazy = types.ModuleType("lazy")
    asked: list = []
    lazy.__getattr__ = asked.append  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "lazy", lazy)
    with pytest.raises(CorruptSnapshot, match="Import lazy"):
        unflatten(["dataclass", "lazy:Thing", [], []], iter([]))
    assert [] == asked


@pytest.mark.parametrize("kind", ["dataclass", "namedtuple", "tree"])
@pytest.mark.parametrize("path", [f"{HERE}:Outer", "builtins:tuple", "builtins:int", "os:stat_result"])
def test_a_loaded_class_of_another_kind_is_not_made(kind, path):
    before = Outer.runs
    with pytest.raises(CorruptSnapshot, match=f"a '{kind}' of {path}, which this version cannot make"):
        unflatten([kind, path, [], []], iter([]))
    assert before == Outer.runs


@pytest.mark.parametrize(
    ("kind", "other"), [("dataclass", "Point"), ("namedtuple", "Step"), ("tree", "Step")]
)
def test_a_class_of_one_kind_is_not_made_as_another(kind, other):
    with pytest.raises(CorruptSnapshot, match="cannot make"):
        unflatten([kind, f"{HERE}:{other}", [], []], iter([]))


def test_a_field_that_a_dataclass_does_not_have_is_named():
    with pytest.raises(CorruptSnapshot, match=f"{HERE}:Step has no field '__class__'"):
        unflatten(["dataclass", f"{HERE}:Step", ["obs", "__class__"], ["int", "int"]], iter([1, 2]))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_named_tuple_of_another_length_is_not_made(count):
    with pytest.raises(CorruptSnapshot, match="cannot make"):
        unflatten(["namedtuple", f"{HERE}:Point", ["int"] * count], iter(range(count)))


@pytest.mark.parametrize("rest", [[[]], ["x:Y", []], [["a"], ["none"]]])
def test_a_kind_that_nobody_knows_is_named(rest):
    with pytest.raises(CorruptSnapshot, match="holds a 'mystery', which this version cannot make"):
        unflatten(["mystery", *rest], iter([]))


@pytest.mark.parametrize(
    ("description", "leaves"),
    [
        (["dict", ["a", "b"], ["int"]], [1]),
        (["easydict", ["a"], []], []),
        (["dataclass", f"{HERE}:Step", ["obs"], []], []),
        (["objects", [3], ["int"]], [1]),
        (["bytes", "str"], ["no hex"]),
    ],
)
def test_parts_that_do_not_fit_their_description_are_a_value_error(description, leaves):
    with pytest.raises(ValueError, match=r"shorter|longer|reshape|hex"):
        unflatten(description, iter(leaves))

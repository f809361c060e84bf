from __future__ import annotations

import copy
import dataclasses
from collections import OrderedDict, defaultdict, namedtuple
from typing import Any

import numpy as np
import pytest
from easydict import EasyDict

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.middleware.clone import clone_object
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.testing.middleware_suite import MiddlewareSuite


class TestCloneObject(MiddlewareSuite):
    def make_layer(self):
        return clone_object()

    def payload(self, number):
        return {"obs": np.array([number]), "done": False}


Pair = namedtuple("Pair", ["first", "second"])


@dataclasses.dataclass
class Step:
    obs: np.ndarray
    info: dict


@dataclasses.dataclass(frozen=True)
class FrozenStep:
    obs: np.ndarray
    tags: tuple[list[int], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class SlottedStep:
    obs: np.ndarray


class Plain:
    """No special kind of object at all."""

    def __init__(self) -> None:
        self.obs = np.zeros(2)


def zeros() -> np.ndarray:
    return np.zeros(2)


MAKERS: dict[str, Any] = {
    "array": zeros,
    "strided array": lambda: np.zeros((4, 4))[::2, ::2],
    "array of objects": lambda: np.array([[1], {"a": 2}], dtype=object),
    "masked array": lambda: np.ma.masked_array([1.0, 2.0], mask=[True, False]),
    "record": lambda: np.zeros(3, dtype=[("a", float)])[0],
    "list": lambda: [zeros(), [1, 2]],
    "dict": lambda: {"obs": zeros(), "inner": {"a": [1]}},
    "EasyDict": lambda: EasyDict(obs=zeros(), inner={"a": [1], "b": {"c": zeros()}}),
    "OrderedDict": lambda: OrderedDict(obs=zeros()),
    "defaultdict": lambda: defaultdict(list, obs=[1]),
    "tuple": lambda: (zeros(), [1]),
    "named tuple": lambda: Pair(zeros(), {"a": [1]}),
    "set": lambda: {1, (2, 3)},
    "frozen set": lambda: frozenset({(1, 2)}),
    "dataclass": lambda: Step(zeros(), {"a": [1]}),
    "frozen dataclass": lambda: FrozenStep(zeros(), ([1],)),
    "dataclass with slots": lambda: SlottedStep(zeros()),
    "bytearray": lambda: bytearray(b"ab"),
    "object": Plain,
    "mixture": lambda: [
        {"a": (Step(zeros(), EasyDict(x=[1])), Pair([1], {2}))},
        ({"b": FrozenStep(zeros())},),
    ],
}


def parts(value: Any) -> list[Any]:
    """Every mutable object in a payload, found by other means than the library's."""
    found = [value]
    if isinstance(value, dict):
        found += [part for inner in value.values() for part in parts(inner)]
    elif isinstance(value, (list, tuple, set, frozenset)):
        found += [part for inner in value for part in parts(inner)]
    elif isinstance(value, np.ndarray) and value.dtype.hasobject:
        found += [part for inner in value.ravel() for part in parts(inner)]
    elif dataclasses.is_dataclass(value):
        found += [part for field in dataclasses.fields(value) for part in parts(getattr(value, field.name))]
    elif hasattr(value, "__dict__") and not hasattr(value, "dtype"):
        found += [part for inner in vars(value).values() for part in parts(inner)]
    frozen = (int, float, str, bytes, bool, type(None), tuple, frozenset)
    return [part for part in found if not isinstance(part, frozen)]


def assert_apart(one: Any, other: Any) -> None:
    """Nothing that can be changed is shared."""
    assert not {id(part) for part in parts(one)} & {id(part) for part in parts(other)}
    arrays = [
        [part for part in parts(value) if isinstance(part, (np.ndarray, np.void))] for value in (one, other)
    ]
    assert not any(
        np.shares_memory(a, b) for a in map(np.asarray, arrays[0]) for b in map(np.asarray, arrays[1])
    )


def assert_alike(one: Any, other: Any) -> None:
    """The same kinds all the way down, and the same content."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            assert_alike(one[key], other[key])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_alike(a, b)
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            assert_alike(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tolist() == other.tolist()
    elif isinstance(one, Plain):
        assert_alike(one.obs, other.obs)
    else:
        assert one == other


KINDS = pytest.mark.parametrize("kind", MAKERS)


@KINDS
def test_push_stores_a_copy_of_payload_and_meta(kind):
    buffer = DequeBuffer(3).use(clone_object())
    payload, meta = MAKERS[kind](), {"info": MAKERS[kind]()}

    buffer.push(payload, meta)

    stored = buffer[0]
    assert_alike(payload, stored.data)
    assert_alike(meta, stored.meta)
    assert_apart(payload, stored.data)
    assert_apart(meta, stored.meta)


@KINDS
@pytest.mark.parametrize("form", ["rows", "columns", "none"])
def test_extend_stores_copies(kind, form):
    buffer = DequeBuffer(3).use(clone_object())
    batch, infos = [MAKERS[kind]() for _ in range(2)], [MAKERS[kind]() for _ in range(2)]
    meta: Any = {"rows": [{"info": info} for info in infos], "columns": {"info": infos}, "none": None}[form]

    buffer.extend(batch, meta=meta)

    for item, payload, info in zip(buffer, batch, infos, strict=True):
        assert_alike(payload, item.data)
        assert_apart(payload, item.data)
        if meta is not None:
            assert_alike(info, item.meta["info"])
            assert_apart(info, item.meta["info"])


@KINDS
def test_sample_returns_copies_each_independent_of_the_others(kind):
    buffer = DequeBuffer(1).use(clone_object())
    stored = buffer.push(MAKERS[kind](), {"info": MAKERS[kind]()})

    batch = buffer.sample(3, replace=True)

    for place, item in enumerate(batch):
        assert_alike(stored.data, item.data)
        assert stored.index == item.index
        for other in [stored, *batch[:place]]:
            assert item is not other
            assert_apart(other.data, item.data)
            assert_apart(other.meta, item.meta)


@KINDS
def test_update_stores_copies_too(kind):
    buffer = DequeBuffer(3).use(clone_object())
    first, second, third = (item.index for item in buffer.extend("abc"))
    payload, shared, meta = MAKERS[kind](), MAKERS[kind](), {"info": MAKERS[kind]()}

    buffer.update(first, data=payload, meta=meta)
    buffer.update([second, third], data=[shared, shared], meta={"info": [payload, payload]})

    assert_alike(payload, buffer[0].data)
    assert_apart(payload, buffer[0].data)
    assert_apart(meta, buffer[0].meta)
    for item in buffer[1:]:
        assert_alike(shared, item.data)
        assert_apart(shared, item.data)
        assert_apart(payload, item.meta["info"])
    assert_apart(buffer[1].data, buffer[2].data)


def test_groups_come_as_copies_of_the_same_shape():
    buffer = DequeBuffer(4, seed=0).use(clone_object())
    stored = buffer.extend([[number] for number in range(4)], meta={"env": [0, 0, 0, 1]})

    batch = sorted(buffer.sample(2, groupby="env"), key=len)

    assert [[[3]], [[0], [1], [2]]] == [[item.data for item in group] for group in batch]
    assert_apart([item.data for item in stored], [item.data for group in batch for item in group])


def test_what_is_shared_within_one_payload_stays_shared_within_its_copy():
    buffer = DequeBuffer(1).use(clone_object())
    frame = zeros()
    looped: list[Any] = [frame, frame]
    looped.append(looped)
    buffer.push(looped)

    copied = buffer.sample(1)[0].data

    assert copied[0] is copied[1] is not frame
    assert copied[2] is copied


def test_what_two_payloads_share_is_shared_no_more():
    buffer = DequeBuffer(2).use(clone_object())
    frame = zeros()

    one, other = buffer.extend([{"obs": frame}, {"obs": frame}])

    assert one.data["obs"] is not other.data["obs"]


def test_what_cannot_change_is_not_copied():
    buffer = DequeBuffer(1).use(clone_object())
    text = "a long text " * 10

    assert text is buffer.push(text).data


def test_an_empty_or_refused_batch_passes():
    buffer = DequeBuffer(1).use(clone_object())

    assert [] == buffer.sample(3, ignore_insufficient=True)
    assert [] == buffer.extend([])


def test_a_tensor_is_copied_and_keeps_what_it_is():
    torch = pytest.importorskip("torch")
    buffer = DequeBuffer(1, seed=0).use(clone_object())
    payload = {"leaf": torch.ones(2, requires_grad=True), "plain": torch.zeros(2, dtype=torch.int16)}

    stored = buffer.push(payload).data
    drawn = buffer.sample(1)[0].data

    for name, tensor in payload.items():
        for made in (stored[name], drawn[name]):
            assert tensor.data_ptr() != made.data_ptr()
            assert torch.equal(tensor, made)
            assert (tensor.dtype, tensor.requires_grad) == (made.dtype, made.requires_grad)
    assert stored["plain"].data_ptr() != drawn["plain"].data_ptr()


def test_a_tensor_with_a_graph_is_copied_without_it():
    torch = pytest.importorskip("torch")
    buffer = DequeBuffer(1, seed=0).use(clone_object())
    result = torch.ones(2, requires_grad=True) * 2
    nested = {"a": (result, [result]), "b": EasyDict(c=result)}

    buffer.push(nested, {"loss": result.sum()})
    drawn = buffer.sample(1)[0]

    for made in (drawn.data["a"][0], drawn.data["a"][1][0], drawn.data["b"].c, drawn.meta["loss"]):
        assert made.grad_fn is None
        assert made.is_leaf
    assert [2.0, 2.0] == drawn.data["a"][0].tolist()
    assert 4.0 == drawn.meta["loss"].item()


def test_a_parameter_is_copied():
    torch = pytest.importorskip("torch")
    buffer = DequeBuffer(1).use(clone_object())
    parameter = torch.nn.Parameter(torch.ones(2))

    made = buffer.push([parameter]).data[0]

    assert isinstance(made, torch.nn.Parameter)
    assert parameter.data_ptr() != made.data_ptr()


def test_a_tree_tensor_is_copied_branch_by_branch():
    torch = pytest.importorskip("torch")
    ttorch = pytest.importorskip("treetensor.torch")
    buffer = DequeBuffer(1, seed=0).use(clone_object())
    branches = {f"b{n}": {"a": torch.tensor([n]), "deep": {"x": torch.tensor([[2 * n]])}} for n in range(12)}
    tree = ttorch.as_tensor(branches)

    buffer.push({"tree": tree, "n": 3})
    drawn = buffer.sample(1)[0].data["tree"]

    assert type(tree) is type(drawn)
    for name, branch in branches.items():
        assert torch.equal(branch["a"], drawn[name].a)
        assert torch.equal(branch["deep"]["x"], drawn[name].deep.x)
        assert branch["a"].data_ptr() != drawn[name].a.data_ptr() != buffer[0].data["tree"][name].a.data_ptr()
    drawn.b3.a[0] = 99
    assert 3 == tree.b3.a.item() == buffer[0].data["tree"].b3.a.item()


def test_a_buffer_with_it_can_be_copied():
    buffer = DequeBuffer(2).use(clone_object())
    buffer.push([1])
    made = copy.deepcopy(buffer)
    made.push([2])

    assert 1 == len(buffer)
    assert_apart(buffer[0].data, made[0].data)


def on_columns(*payloads) -> DequeBuffer:
    buffer = DequeBuffer(4, storage=ColumnStorage(), seed=0).use(clone_object())
    buffer.extend(list(payloads), meta=[{"tags": [number]} for number in range(len(payloads))])
    return buffer


def test_objects_in_columns_are_copied_on_their_way_in_and_out():
    payloads: list[Any] = [{"tags": {number}, "n": number} for number in range(3)]
    buffer = on_columns(*payloads)
    payloads[0]["tags"].add("changed")
    for item in buffer.sample(3):
        item.data["tags"].add("changed")
        item.meta["tags"].append("changed")

    assert [({n}, [n]) for n in range(3)] == [(item.data["tags"], item.meta["tags"]) for item in buffer]


def test_a_meta_key_that_an_item_in_columns_lacks_is_lacking_in_the_copy():
    buffer = DequeBuffer(2, storage=ColumnStorage(), seed=0).use(clone_object())
    buffer.extend([0, 1], meta=[{"a": 1}, {"b": 2}])

    assert {0: {"a": 1}, 1: {"b": 2}} == {item.data: item.meta for item in buffer.sample(2)}


@pytest.mark.parametrize(
    "make", [lambda batch: batch, lambda batch: batch.data, list], ids=["batch", "columns", "items"]
)
def test_columns_are_stored_as_copies(make):
    buffer = on_columns({"tags": {0}, "n": 0}, {"tags": {1}, "n": 1})
    batch = buffer.sample(2)
    given = make(batch)
    other = DequeBuffer(4).use(clone_object())
    other.extend(given)
    batch.data["tags"][0].add("changed")
    batch.data["n"][:] = 9

    payloads = [item.data.data if make is list else item.data for item in other]
    assert {(0, 0), (1, 1)} == {(payload["n"], *payload["tags"]) for payload in payloads}

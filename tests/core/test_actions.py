"""From the caller to the layers: one form of the arguments; the lock: see the other file."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.actions import apply_middleware
from ding_buffer.core.chain import ACTIONS, Middleware
from ding_buffer.core.errors import BadArgument, ChainError
from tests.core.bare_buffer import Bare
from tests.core.recorder import Recorder


class Adds(Middleware):
    """Adds one to what is pushed."""

    def __init__(self):
        self.seen = []

    def push(self, chain, data, meta=None):
        self.seen.append(data)
        return chain(data + 1, meta=meta)


def recorded(act, make=Bare):
    """The calls that a function layer and a class layer see."""
    seen = []

    def function(action, chain, *args, **kwargs):
        seen.append((action, args, kwargs))
        return chain(*args, **kwargs)

    recorder = Recorder()
    for layer in (function, recorder):
        act(make().use(layer))
    return seen, recorder.calls


def values(buffer):
    return [item.data for item in buffer]


FORMS = [
    (
        [
            lambda buffer: buffer.push(7, {"a": 1}),
            lambda buffer: buffer.push(7, meta={"a": 1}),
            lambda buffer: buffer.push(data=7, meta={"a": 1}),
            lambda buffer: buffer.push(meta={"a": 1}, data=7),
        ],
        ("push", (7,), {"meta": {"a": 1}}),
    ),
    (
        [lambda buffer: buffer.push(7), lambda buffer: buffer.push(7, None)],
        ("push", (7,), {"meta": None}),
    ),
    (
        [
            lambda buffer: buffer.sample(3),
            lambda buffer: buffer.sample(size=3),
            lambda buffer: buffer.sample(3, None, False, None, False, None, None),
            lambda buffer: buffer.sample(3, replace=False, groupby=None, unroll_len=None),
            lambda buffer: buffer.sample(3, indices=[]),
            lambda buffer: buffer.sample(3, ()),
        ],
        ("sample", (), {"size": 3}),
    ),
    ([lambda buffer: buffer.sample()], ("sample", (), {"size": None})),
    (
        [
            lambda buffer: buffer.sample(2, None, True, slice(4), True, "env", 2),
            lambda buffer: buffer.sample(
                2,
                groupby="env",
                unroll_len=2,
                replace=True,
                sample_range=slice(4),
                ignore_insufficient=True,
            ),
        ],
        (
            "sample",
            (),
            {
                "size": 2,
                "replace": True,
                "sample_range": slice(4),
                "ignore_insufficient": True,
                "groupby": "env",
                "unroll_len": 2,
            },
        ),
    ),
    (
        [lambda buffer: buffer.sample(None, ["x"]), lambda buffer: buffer.sample(indices=["x"])],
        ("sample", (), {"size": None, "indices": ["x"]}),
    ),
    ([lambda buffer: buffer.sample(2, level=0)], ("sample", (), {"size": 2, "level": 0})),
    (
        [
            lambda buffer: buffer.update("x", 1, {"a": 1}),
            lambda buffer: buffer.update("x", data=1, meta={"a": 1}),
            lambda buffer: buffer.update(index="x", meta={"a": 1}, data=1),
        ],
        ("update", ("x",), {"data": 1, "meta": {"a": 1}}),
    ),
    ([lambda buffer: buffer.update("x")], ("update", ("x",), {"data": None, "meta": None})),
    (
        [lambda buffer: buffer.delete("x"), lambda buffer: buffer.delete(indices="x")],
        ("delete", ("x",), {}),
    ),
    ([lambda buffer: buffer.clear()], ("clear", (), {})),
]


@pytest.mark.parametrize(("acts", "call"), FORMS, ids=[call[0] for _, call in FORMS])
def test_layers_see_one_form_however_the_caller_spelled_it(acts, call):
    for act in acts:
        assert ([call], [call]) == recorded(act)


@pytest.mark.parametrize(("acts", "call"), FORMS, ids=[call[0] for _, call in FORMS])
def test_a_buffer_is_reached_alike_with_layers_and_without(acts, call):
    for act in acts:
        bare, layered = Bare(), Bare().use(Recorder())
        assert act(bare) == act(layered) == "result"
        assert 1 == len(bare.reached)
        assert bare.reached[0][0] == call[0]
        assert {**call[2]}.items() >= bare.reached[0][2].items()
        assert bare.reached == layered.reached


def test_many_pushed_are_one_call_for_a_layer_and_one_each_for_a_function():
    for act in (
        lambda buffer: buffer.extend(iter([1, 2]), {"a": [3, 4]}),
        lambda buffer: buffer.extend(batch=[1, 2], meta={"a": [3, 4]}),
    ):
        for make in (Bare, lambda: DequeBuffer(9)):
            by_function, by_layer = recorded(act, make)
            assert [("push", (1,), {"meta": {"a": 3}}), ("push", (2,), {"meta": {"a": 4}})] == by_function
            assert [("extend", ([1, 2],), {"meta": {"a": [3, 4]}})] == by_layer


def test_many_pushed_from_a_generator_can_be_looked_at_twice():
    buffer = Bare()
    buffer.extend(number for number in (1, 2))

    assert [("extend", ([1, 2], None), {})] == buffer.reached


@pytest.mark.parametrize("empty", [[], ()])
def test_an_empty_list_of_indices_is_the_same_as_none(empty):
    buffer = DequeBuffer(9, seed=0)
    buffer.extend(range(9))
    twin = copy.deepcopy(buffer)

    assert [item.data for item in twin.sample(4)] == [item.data for item in buffer.sample(4, indices=empty)]


def test_an_array_of_no_indices_is_passed_on_as_it_is():
    (calls, _) = recorded(lambda buffer: buffer.sample(indices=np.zeros(0, dtype=np.int64)))

    assert ["size", "indices"] == list(calls[0][2])


def test_calls_that_name_an_argument_twice_or_wrongly_are_type_errors():
    recorder = Recorder()
    buffer = Bare().use(recorder)
    for act in (
        lambda: buffer.push(),
        lambda: buffer.push(1, {}, 2),
        lambda: buffer.push(1, data=1),
        lambda: buffer.push(1, mtea={}),
        lambda: buffer.extend(),
        lambda: buffer.sample(1, None, False, None, False, None, None, 5),
        lambda: buffer.update(),
        lambda: buffer.delete("x", "y"),
        lambda: buffer.clear(1),
    ):
        with pytest.raises(TypeError):
            act()
    assert [] == recorder.calls
    assert not buffer._lock._is_owned()


@pytest.mark.parametrize("wrong", ["pusch", "", "count", None])
def test_an_action_that_does_not_exist_cannot_be_decorated(wrong):
    with pytest.raises(BadArgument, match=rf"{wrong!r} is not an action\. The actions are push, extend"):
        apply_middleware(wrong)


def test_every_action_can_be_decorated_and_keeps_its_name_and_docstring():
    for action in ACTIONS:
        method = getattr(DequeBuffer, action)
        assert action == method.__name__
        assert method.__doc__ == method.__wrapped__.__doc__ is not None
        assert method.__wrapped__ is method._base
    assert "Stores one item" in str(DequeBuffer.push.__doc__)


@pytest.mark.parametrize("layer", [Recorder, lambda: lambda action, chain, *args, **kwargs: None])
def test_a_layer_that_forgets_to_return_the_sample_is_told(layer):
    buffer = Bare().use(layer())
    buffer.outcome = None  # type: ignore[assignment]
    with pytest.raises(ChainError, match=r"returned None from sample.*forget to return"):
        buffer.sample(1)
    assert not buffer._lock._is_owned()


def test_an_empty_batch_is_a_batch():
    buffer = Bare().use(Recorder())
    buffer.outcome = []  # type: ignore[assignment]

    assert [] == buffer.sample(1)


def test_a_subclass_that_wraps_an_action_undecorated_keeps_the_layers():
    class Doubling(DequeBuffer):
        def push(self, data, meta=None):
            return super().push(2 * data, meta)

        def delete(self, indices):
            return -super().delete(indices)

    adds, recorder = Adds(), Recorder()
    buffer = Doubling(3).use(adds)
    buffer.push(5)
    buffer.use(recorder)

    assert [10] == adds.seen
    assert [11] == values(buffer)
    assert -1 == buffer.delete(buffer[0].index)
    assert ["delete"] == [call[0] for call in recorder.calls]


def test_a_subclass_that_decorates_actions_goes_through_the_layers_once():
    class Doubling(DequeBuffer):
        @apply_middleware("push")
        def push(self, data, meta=None):
            return super().push(2 * data, meta)

        @apply_middleware("extend")
        def extend(self, batch, meta=None):
            return super().extend([3 * data for data in batch], meta)

        @apply_middleware("sample")
        def sample(self, size=None, **query):
            return super().sample(size, **query)

        @apply_middleware("update")
        def update(self, index, data=None, meta=None):
            return super().update(index, data, meta)

        @apply_middleware("delete")
        def delete(self, indices):
            return super().delete(indices)

        @apply_middleware("clear")
        def clear(self):
            super().clear()

    recorder = Recorder()
    buffer = Doubling(3).use(recorder)
    index = buffer.push(5).index
    buffer.extend([1])
    assert [10, 3] == values(buffer)
    assert [10] == [item.data for item in buffer.sample(indices=[index])]
    assert [3, 10] == sorted(item.data for item in copy.deepcopy(buffer).sample(2))
    assert buffer.update(index, data=6)
    assert [6, 3] == values(buffer)
    assert 1 == buffer.delete(index)
    buffer.clear()

    assert 0 == len(buffer)
    assert ["push", "extend", "sample", "update", "delete", "clear"] == [call[0] for call in recorder.calls]

from __future__ import annotations

import copy
import gc
from typing import ClassVar

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.buffer import Buffer
from ding_buffer.core.chain import (
    ACTIONS,
    HOOKS,
    Middleware,
    check_order,
    compose,
    flatten,
    layer_name,
    overrides,
)
from ding_buffer.core.errors import BadArgument, ChainError


class Outer(Middleware):
    """Notes when it sees a push."""

    def __init__(self, notes):
        self.notes = notes

    def push(self, chain, data, meta=None):
        self.notes.append(("outer", data, meta))
        return chain(data + 1, meta=meta)


class Named(Middleware):
    name = "a name"


class Inside(Middleware):
    inside: ClassVar = {"Outer": "it would see what is not there"}


class Once(Middleware):
    once = True


class OwnCall(Middleware):
    """Does all by itself."""

    def __call__(self, action, chain, *args, **kwargs):
        return ("own", action, chain(*args, **kwargs))


class Listening(Middleware):
    def on_filled(self, slots):
        pass


def function(action, chain, *args, **kwargs):
    return (action, chain(*args, **kwargs))


def maker():
    def inner(action, chain, *args, **kwargs):
        return chain(*args, **kwargs)

    return inner


class Plain:
    def __call__(self, action, chain, *args, **kwargs):
        return chain(*args, **kwargs)


def test_a_layer_that_overrides_nothing_takes_part_in_nothing():
    assert [] == [action for action in ACTIONS if overrides(Middleware(), action)]
    assert ["push"] == [action for action in ACTIONS if overrides(Outer([]), action)]


def test_a_function_takes_part_in_the_five_actions_it_can_know():
    for layer in (function, Plain(), OwnCall()):
        assert [action for action in ACTIONS if action != "extend"] == [
            action for action in ACTIONS if overrides(layer, action)
        ]


def test_the_first_layer_is_outermost():
    notes: list = []

    class Inner(Middleware):
        def push(self, chain, data, meta=None):
            notes.append(("inner", data, meta))
            return chain(data, meta={"seen": True})

    chain = compose([Outer(notes), Middleware(), Inner()], "push", lambda data, meta=None: (data, meta))

    assert (6, {"seen": True}) == chain(5, meta=None)
    assert [("outer", 5, None), ("inner", 6, None)] == notes


def test_functions_and_layers_are_folded_together():
    chain = compose([function, OwnCall(), Outer([])], "push", lambda data, meta=None: data)

    assert ("push", ("own", "push", 6)) == chain(5)


def test_without_layers_that_take_part_the_base_itself_is_called():
    base = object

    assert base is compose([Middleware(), Named()], "sample", base)


@pytest.mark.parametrize(
    ("action", "args"),
    [
        ("push", (1,)),
        ("extend", ([1],)),
        ("sample", (3,)),
        ("update", ("x",)),
        ("delete", ("x",)),
        ("clear", ()),
    ],
)
def test_every_action_passes_through_a_layer_that_leaves_it_alone(action, args):
    seen = []

    def base(*args, **kwargs):
        seen.append((args, kwargs))
        return "result"

    assert "result" == getattr(Middleware(), action)(base, *args)
    assert "result" == Middleware()(action, base, *args)
    assert seen[0] == seen[1]


def test_an_action_that_nobody_knows_passes_through():
    assert 7 == Middleware()("invented", lambda number: number, 7)
    assert 7 == Middleware()("on_filled", lambda number: number, 7)


def test_a_sample_passes_its_whole_query_through():
    assert {"size": 3, "groupby": "env"} == Middleware().sample(lambda **query: query, 3, groupby="env")


def test_the_hooks_of_a_layer_do_nothing_until_they_are_overridden():
    layer = Middleware()
    for hook in HOOKS:
        assert getattr(layer, hook)(*[()] * (hook not in ("on_cleared", "on_loaded"))) is None
    assert layer.bind(None) is None  # type: ignore[arg-type,func-returns-value]
    assert layer.load_state_dict({}) is None  # type: ignore[func-returns-value]
    assert ({}, {}) == (layer.state_dict(), layer.stats())


def test_a_layer_is_called_by_its_name_or_its_class_or_its_maker():
    assert ["a name", "Once", "function", "maker", "Plain"] == [
        layer_name(layer) for layer in (Named(), Once(), function, maker(), Plain())
    ]


def test_a_name_that_is_no_text_is_replaced_by_the_class():
    class Odd(Plain):
        __qualname__ = "Odd"

    layer = Odd()
    layer.__qualname__ = 5  # type: ignore[assignment]

    assert "Odd" == layer_name(layer)


def test_lists_of_layers_are_opened():
    a, b, c = Named(), function, Once()

    assert [a, b, c] == flatten([a, [b, (c,)], []])


@pytest.mark.parametrize("wrong", [None, 5, "clone_object", {1}, [None]])
def test_what_is_no_layer_is_refused(wrong):
    with pytest.raises(BadArgument, match=r"use\(\) takes middleware, got"):
        flatten([wrong])


def test_a_class_is_refused_with_what_to_write():
    with pytest.raises(BadArgument, match=r"That is a class: write use\(Named\(\.\.\.\)\)"):
        flatten([Named])


def test_an_order_that_makes_no_sense_is_refused_with_the_one_that_does():
    check_order([Outer([]), function, Inside()])
    with pytest.raises(ChainError, match="it would see what is not there") as caught:
        check_order([Inside(), function, Outer([])])
    assert "buffer.use(Outer(...)).use(Inside(...))" in str(caught.value)


def test_a_layer_that_may_stand_once_is_refused_twice():
    check_order([Named(), Once(), Named()])
    with pytest.raises(ChainError, match="Once is in the chain twice"):
        check_order([Once(), Once()])


def test_a_layer_knows_its_buffer_while_there_is_one():
    layer, buffer = Named(), DequeBuffer(3)
    with pytest.raises(ChainError, match="a name is not bound to a buffer"):
        _ = layer.buffer
    buffer.use(layer)
    assert buffer is layer.buffer
    del buffer
    gc.collect()
    with pytest.raises(ChainError, match="not bound"):
        _ = layer.buffer


def test_a_copy_of_a_layer_belongs_to_no_buffer():
    layer, buffer = Outer([1]), DequeBuffer(3)
    layer.made_for(buffer)
    buffer.use(layer)
    twin = copy.deepcopy(layer)

    assert [1] == twin.notes
    DequeBuffer(3).use(twin)


def test_a_layer_made_for_one_buffer_is_refused_by_another():
    buffer, layer = DequeBuffer(3), Named()
    layer.made_for(buffer)
    with pytest.raises(ChainError, match="a name was made for another buffer"):
        DequeBuffer(3).use(layer)
    buffer.view().use(layer)


def test_a_layer_in_use_is_refused_until_its_buffer_is_gone():
    layer, buffer = Named(), DequeBuffer(3)
    buffer.use(layer)
    with pytest.raises(ChainError, match="a name is in use already"):
        DequeBuffer(3).use(layer)
    del buffer
    gc.collect()
    DequeBuffer(3).use(layer)


def test_a_layer_that_follows_items_needs_a_buffer_that_tells():
    class Silent(DequeBuffer):
        store = None  # type: ignore[assignment]

        def __init__(self):
            Buffer.__init__(self, 3)

    Silent().use(Named())
    with pytest.raises(ChainError, match="Listening follows what happens to items; Silent does not tell"):
        Silent().use(Listening())

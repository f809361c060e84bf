"""The buffer and its layers: what they may do, what they are told, and how they show."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import ACTIONS, Middleware
from ding_buffer.core.errors import BadArgument, NotEnoughItems, UnknownArgument
from tests.core.recorder import Recorder


def test_a_function_written_for_di_engine_runs_unchanged():
    used: dict[str, int] = {}

    def use_limit(action, chain, *args, **kwargs):
        if action == "sample":
            batch = chain(*args, **kwargs)
            for item in batch:
                used[item.index] = used.get(item.index, 0) + 1
                if used[item.index] >= 2:
                    buffer.delete(item.index)
            return batch
        return chain(*args, **kwargs)

    buffer = DequeBuffer(size=10).use(use_limit)
    for number in range(10):
        buffer.push(number, {"id": number})
    for _ in range(2):
        assert 10 == len(buffer.sample(10))

    assert 0 == len(buffer)


def test_the_first_used_is_outermost():
    order = []

    def make(name):
        def layer(action, chain, *args, **kwargs):
            order.append(name)
            return chain(*args, **kwargs)

        return layer

    DequeBuffer(3).use(make("a")).use([make("b"), make("c")]).push(1)

    assert ["a", "b", "c"] == order


def test_a_layer_may_refuse_a_push():
    def refuses(action, chain, *args, **kwargs):
        return None if action == "push" and args[0] % 2 else chain(*args, **kwargs)

    buffer = DequeBuffer(9).use(refuses)

    assert buffer.push(1) is None
    assert 2 == buffer.push(2).data
    assert [True, False] == [item is None for item in buffer.extend([3, 4])]
    assert [2, 4] == [item.data for item in buffer]


def test_a_layer_may_answer_a_sample_itself():
    buffer = DequeBuffer(9).use(
        lambda action, chain, *args, **kwargs: ["mine"] if action == "sample" else chain(*args)
    )

    assert ["mine"] == buffer.sample(1)


@pytest.mark.parametrize("wrong", [Recorder, None, 5, "per", [Recorder]])
def test_what_is_no_layer_is_refused_with_nothing_added(wrong):
    buffer = DequeBuffer(3)
    with pytest.raises(BadArgument, match="takes middleware"):
        buffer.use(wrong)
    assert [] == buffer._middleware


def test_a_keyword_that_a_layer_consumes_does_not_reach_the_buffer():
    class Takes(Middleware):
        takes = ("level",)

        def sample(self, chain, size=None, *, level=0, **query):
            return chain(size=size + level, **query)

    buffer = DequeBuffer(9).use(Takes())
    buffer.extend(range(9))

    assert 5 == len(buffer.sample(3, level=2))
    with pytest.raises(UnknownArgument, match="'levle'"):
        buffer.sample(3, levle=2)


def test_explain_shows_layers_outermost_first_then_the_store():
    buffer = DequeBuffer(1000).use(Recorder()).use(Middleware())
    buffer.extend(range(3))
    lines = buffer.explain().splitlines()

    assert "DequeBuffer" in lines[0]
    assert "Recorder" in lines[1]
    assert "Notes the calls of every action." in lines[1]
    assert all(action in lines[1] for action in ACTIONS)
    assert "ObjectStorage" in lines[3]
    assert "3 of 1,000 items" in lines[3]
    for _ in range(64):
        buffer.push(1)
    assert 3 == buffer.explain().count("%")
    assert repr(buffer.explain()) == str(buffer.explain())


def test_layers_are_named_in_the_repr_and_their_counts_stand_in_the_stats():
    class Counting(Middleware):
        name = "counting"

        def stats(self):
            return {"things": 5}

    buffer = DequeBuffer(3).use(Counting()).use(Middleware()).use(lambda action, chain, *args: chain(*args))

    assert "DequeBuffer(0 of 3 items, counting, Middleware, " in repr(buffer)
    assert {"things": 5} == buffer.stats()["counting"]
    assert "Middleware" not in buffer.stats()


def test_a_waiting_layer_waits_without_the_lock():
    class Waits(Middleware):
        """Lets a sample wait for items."""

        def sample(self, chain, size=None, **query):
            if not self.buffer.store.wait_for(lambda: len(self.buffer) >= size, timeout=60):
                raise NotEnoughItems("too long")
            return chain(size=size, **query)

    buffer = DequeBuffer(9, seed=0).use(Waits())
    sampled: list = []
    waiting = threading.Thread(target=lambda: sampled.extend(buffer.sample(3)))
    waiting.start()
    for number in range(3):
        buffer.push(np.full(2, number))
    waiting.join(60)

    assert 3 == len(sampled)

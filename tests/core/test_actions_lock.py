"""One lock for the whole of an action, given back whatever ends it."""

from __future__ import annotations

import threading

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import ACTIONS, Middleware
from tests.core.bare_buffer import ACTS, Bare
from tests.core.recorder import Recorder


@pytest.mark.parametrize("action", ACTIONS)
def test_the_lock_is_held_for_the_whole_of_an_action_its_layers_included(action):
    held = []

    def looks(_, chain, *args, **kwargs):
        held.append(buffer._lock._is_owned())
        try:
            return chain(*args, **kwargs)
        finally:
            held.append(buffer._lock._is_owned())

    buffer = Bare().use(looks)
    ACTS[action](buffer)

    assert [True, True] == held
    assert not buffer._lock._is_owned()


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("layered", [False, True])
@pytest.mark.parametrize("error", [RuntimeError("mine"), KeyboardInterrupt("mine")])
def test_the_lock_is_given_back_whatever_ends_an_action(action, layered, error):
    buffer = Bare().use([Recorder()] if layered else [])
    buffer.outcome = error
    with pytest.raises(type(error), match="mine"):
        ACTS[action](buffer)

    assert not buffer._lock._is_owned()
    taken = []
    other = threading.Thread(target=lambda: taken.append(buffer._lock.mutex.acquire(timeout=60)))
    other.start()
    other.join(60)
    assert [True] == taken


def test_an_error_in_a_layer_reaches_the_caller_and_gives_the_lock_back():
    class Breaks(Middleware):
        def push(self, chain, data, meta=None):
            chain(data, meta=meta)
            raise RuntimeError("mine")

    buffer = DequeBuffer(9).use(Breaks())
    with pytest.raises(RuntimeError, match="mine"):
        buffer.push(1)
    assert 1 == len(buffer)
    assert not buffer.store.lock._is_owned()


def test_a_push_queues_behind_a_thread_that_waits_longer():
    buffer = DequeBuffer(9)
    buffer.store.lock.awaited = True  # as if somebody stood in the turnstile
    buffer.push(1)
    with buffer.store.lock:
        buffer.push(2)

    assert [1, 2] == [item.data for item in buffer]
    assert not buffer.store.lock._is_owned()


def test_a_layer_may_call_other_actions_of_its_buffer_and_its_own_again():
    class Doubles(Middleware):
        """Pushes twice what is even, once through all the layers."""

        def push(self, chain, data, meta=None):
            item = chain(data, meta=meta)
            if data % 2 == 0:
                buffer.push(data + 1, meta)
                buffer.update(item.index, meta={"seen": buffer.sample(1)[0].data})
                buffer.delete("nobody")
            return item

    buffer = DequeBuffer(9, seed=0).use(Doubles())
    buffer.push(4)

    assert [4, 5] == [item.data for item in buffer]
    assert buffer[0].meta["seen"] in (4, 5)
    assert not buffer.store.lock._is_owned()

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.learners.sqil_pusher import sqil_data_pusher
from ding_buffer.learners.told import told_meta, told_query
from ding_buffer.middleware.stale import staleness_check

CTX = SimpleNamespace(train_iter=7)


def test_a_buffer_whose_layers_ask_is_told_the_training_iteration():
    buffer = DequeBuffer(4).use(staleness_check(max_staleness=3))

    assert {"train_iter_data_collected": 7} == told_meta(buffer, CTX)
    assert {"train_iter_sample_data": 7} == told_query(buffer, CTX)


@pytest.mark.parametrize("buffer", [DequeBuffer(4), object()], ids=["no layers", "another buffer"])
def test_who_does_not_ask_is_told_nothing(buffer):
    assert {} == told_meta(buffer, CTX)
    assert {} == told_query(buffer, CTX)


def test_what_layers_ask_for_and_training_does_not_know_is_left_to_the_user():
    buffer = SimpleNamespace(needs=frozenset({"weather"}), takes=frozenset({"mood"}))

    assert {} == {**told_meta(buffer, CTX), **told_query(buffer, CTX)}


def test_the_pusher_of_expert_data_tells_too():
    buffer = DequeBuffer(4).use(staleness_check(max_staleness=3))
    sqil_data_pusher({}, buffer, expert=True)(SimpleNamespace(trajectories=[{"reward": 0.0}], train_iter=7))

    assert [{"train_iter_data_collected": 7}] == [item.meta for item in buffer]

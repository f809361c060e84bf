"""Any operations in any order, against a list and linear scans."""

from __future__ import annotations

import pytest
from hypothesis import settings

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.middleware.clone import clone_object
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.stale import staleness_check
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.testing.buffer_checks import buffer_machine, check_buffer


def plain(size=5):
    return DequeBuffer(size, seed=0)


def layered(size=5):
    return plain(size).use(clone_object()).use(use_time_check(max_use=3)).use(PriorityExperienceReplay())


def fresh(size=5):
    return plain(size).use(staleness_check(max_staleness=25)).use(PriorityExperienceReplay(mode="rank"))


def collected(number):
    return {"train_iter_data_collected": number, "priority": number % 7 / 3}


TestPlainBuffer = buffer_machine(plain).TestCase
TestPlainBuffer.settings = settings(max_examples=60, stateful_step_count=40)
TestLayeredBuffer = buffer_machine(layered).TestCase
TestLayeredBuffer.settings = settings(max_examples=40, stateful_step_count=30)


@pytest.mark.parametrize("size", [1, 2, 7, 64])
@pytest.mark.parametrize("sliced", [False, True])
def test_a_plain_buffer_agrees_with_a_list(size, sliced):
    for seed in range(3):
        check_buffer(DequeBuffer(size, sliced, seed=seed), seed=seed)


@pytest.mark.parametrize("size", [1, 3, 16])
def test_a_buffer_with_layers_agrees_with_a_list(size):
    for seed in range(3):
        check_buffer(layered(size), seed=seed)
        check_buffer(fresh(size), seed=seed, meta=collected, query={"train_iter_sample_data": 90})

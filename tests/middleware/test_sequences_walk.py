from __future__ import annotations

import itertools

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.middleware.sequences import sequence
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from tests.middleware.sequence_walk import SequenceWalk
from tests.structures.naive_runs import Rule

PADS = {"none": (False, False), "start": (True, False), "end": (False, True), "both": (True, True)}
STORAGES = [ObjectStorage, ColumnStorage]
SHAPES = [(1, 0, None), (3, 0, None), (2, 2, None), (4, 1, 2), (3, 0, 0), (2, 3, 1)]
CASES = list(itertools.product(STORAGES, PADS, SHAPES))


def walk(storage, pad, shape, seed, steps, prioritized=False, capacity=24) -> SequenceWalk:
    length, burn_in, overlap = shape
    buffer = DequeBuffer(capacity, storage=storage(), seed=seed)
    buffer.use(sequence(length, burn_in, overlap, pad, prioritized))
    stride = 1 if overlap is None else length - overlap
    taken = SequenceWalk(buffer, Rule(burn_in, length, stride, *PADS[pad]), seed)
    taken.run(steps)
    return taken


@pytest.mark.parametrize(("storage", "pad", "shape"), CASES, ids=str)
def test_after_any_operations_exactly_the_windows_of_the_definition_can_be_drawn(storage, pad, shape):
    assert walk(storage, pad, shape, seed=0, steps=250).batches > 15


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("pad", PADS)
def test_the_same_holds_for_prioritized_windows(storage, pad):
    taken = walk(storage, pad, (3, 2, None), seed=1, steps=250, prioritized=True)
    taken.layer._windows.check()

    assert taken.batches > 15


@pytest.mark.parametrize("capacity", [1, 2, 5])
def test_the_same_holds_in_a_small_ring(capacity):
    for pad, shape in itertools.product(PADS, SHAPES):
        walk(ObjectStorage, pad, shape, seed=capacity, steps=120, capacity=capacity)

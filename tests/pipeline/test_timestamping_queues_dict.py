from __future__ import annotations

import pytest

from ding_buffer.pipeline.timestamping_queues_dict import TimestampingQueuesDict
from ding_buffer.structures.clock import ManualClock


def test_mappings_come_out_in_order_with_the_named_fields_only():
    clock = ManualClock(1.0)
    queues = TimestampingQueuesDict(["b", "a"], 2, clock=clock)
    for number in range(3):
        queues.append({"a": number, "b": -number, "c": None})
        clock.advance(0.5)

    assert (2, 1) == (len(queues), queues.dropped)
    assert ({"b": -1, "a": 1}, 1.5) == queues.popleft()
    assert ["b", "a"] == list(queues.popleft()[0])
    with pytest.raises(IndexError):
        queues.popleft()


def test_a_refused_mapping_changes_nothing():
    queues = TimestampingQueuesDict(["a", "b"], 2)
    queues.append({"a": 1, "b": 1})
    with pytest.raises(KeyError, match="'b'"):
        queues.append({"a": 2})
    queues.append({"a": 3, "b": 3})

    assert [{"a": 1, "b": 1}, {"a": 3, "b": 3}] == [queues.popleft()[0], queues.popleft()[0]]


def test_exact_ones_refuse_other_fields():
    queues = TimestampingQueuesDict(["a"], 2, exact=True)
    with pytest.raises(ValueError, match="do not match expected keys"):
        queues.append({"a": 1, "b": 2})

    assert 0 == len(queues)

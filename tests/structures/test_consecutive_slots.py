from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.structures.consecutive_slots import SlotRuns, rows_in, slot_runs


@given(slots=st.lists(st.integers(0, 6), max_size=12))
def test_the_runs_are_the_slots(slots):
    runs = slot_runs(np.array(slots, dtype=np.int64))

    assert slots == [slot for run in runs for slot in range(run.start, run.stop)]
    assert all(one.stop != other.start for one, other in pairwise(runs))


@pytest.mark.parametrize(
    ("slots", "runs"),
    [
        ([], []),
        ([4], [slice(4, 5)]),
        ([2, 3, 4], [slice(2, 5)]),
        ([8, 9, 0, 1], [slice(8, 10), slice(0, 2)]),
        ([2, 1], [slice(2, 3), slice(1, 2)]),
    ],
)
def test_slots_that_follow_each_other_are_one_run(slots, runs):
    assert runs == slot_runs(np.array(slots, dtype=np.int64))


RUNS = st.lists(
    st.builds(lambda begin, count: slice(begin, begin + count), st.integers(0, 20), st.integers(1, 5)),
    max_size=6,
)


@given(runs=RUNS)
def test_runs_are_a_sequence_and_an_array_of_slots(runs):
    slots = [slot for run in runs for slot in range(run.start, run.stop)]
    made = SlotRuns(runs)

    assert (slots, slots, len(slots)) == (list(made), made.tolist(), len(made))
    assert slots == np.asarray(made).tolist()
    assert np.int64 == np.asarray(made).dtype
    assert np.float32 == np.asarray(made, dtype=np.float32).dtype
    assert runs == slot_runs(made)


@given(runs=RUNS)
def test_the_rows_of_runs_are_those_of_their_slots(runs):
    table = np.arange(50).reshape(25, 2)
    slots = np.asarray(SlotRuns(runs))

    for rows in (rows_in(table, SlotRuns(runs)), rows_in(table, slots)):
        assert table[slots].tolist() == np.concatenate(rows).tolist()
    assert all(np.shares_memory(table, rows) for rows in rows_in(table, SlotRuns(runs[:4])) if len(rows))

"""Counters that loader workers add to."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from ding_buffer.trajectories.shared_counts import SharedCounts

# From Python 3.12 on a fork says that torch has threads.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


def count(counts: SharedCounts, times: int) -> None:
    for _ in range(times):
        counts.add("drawn")
    counts.add("gone", 2)


def test_what_is_counted_is_told() -> None:
    counts = SharedCounts(("drawn", "gone"))
    count(counts, 3)

    assert {"drawn": 3, "gone": 2} == counts.totals()
    assert 3 == counts.own("drawn")


def test_another_process_counts_on_the_same_table() -> None:
    counts = SharedCounts(("drawn", "gone"))
    process = torch.multiprocessing.get_context("spawn").Process(target=count, args=(counts, 5))
    process.start()
    process.join()

    assert {"drawn": 5, "gone": 2} == counts.totals()


def test_an_unpickled_copy_counts_with_its_own_workers() -> None:
    counts = SharedCounts(("drawn", "gone"))
    shipped = pickle.loads(pickle.dumps(counts))
    process = torch.multiprocessing.get_context("fork").Process(target=count, args=(shipped, 5))
    process.start()
    process.join()

    assert {"drawn": 5, "gone": 2} == shipped.totals()
    assert {"drawn": 0, "gone": 0} == counts.totals()


def test_a_copy_counts_for_itself() -> None:
    counts = SharedCounts(("drawn",))
    copy.deepcopy(counts).add("drawn")

    assert {"drawn": 0} == counts.totals()

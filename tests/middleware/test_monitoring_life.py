"""A monitor through saves, copies, threads, and what it keeps."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.middleware.monitoring import Monitor, monitor
from ding_buffer.structures.clock import ManualClock
from tests.middleware.monitored import Setting, on_every_storage


@on_every_storage
@pytest.mark.parametrize("size", [6, 3])
@pytest.mark.parametrize("by_file", [True, False])
def test_a_resumed_run_goes_on_with_totals_uses_and_the_period(storage, size, by_file, tmp_path):
    first, second = Setting(storage, size=6), Setting(storage, size=size)
    first.buffer.extend(range(6), meta={"priority": [3.0] * 6})
    first.draw(5, 5, 4)
    first.clock.advance(4)
    second.buffer.extend(range(2))
    second.draw(0, 1)
    second.clock.advance(100)
    if by_file:
        first.buffer.save_data(tmp_path / "saved")
        second.buffer.load_data(tmp_path / "saved")
    else:
        second.buffer.load_state_dict(copy.deepcopy(first.buffer.state_dict()))
    for now in (first, second):
        now.draw(-1)
        now.clock.advance(1)
    figures, expected = second.last(), first.last()

    assert (2 + 2 + 1 + 3) / 4 == figures["reuse_avg"]
    assert 5.0 == figures["period_seconds"]
    if size == 3:  # the oldest found no room
        expected |= {"size": 3, "removed_total": 3}
    assert expected == pytest.approx(figures)


@on_every_storage
def test_content_that_was_loaded_is_no_push_and_has_not_been_used(storage):
    now, other = Setting(storage, size=5), DequeBuffer(5, storage=storage())
    other.extend(range(50))
    now.buffer.extend(range(3))
    now.draw(0, 0)
    now.buffer.load_state_dict(other.state_dict())
    now.buffer.push(50)
    now.draw(0)
    now.clock.advance(1)
    figures = now.last()

    assert (4.0, 1.0) == (figures["pushed_per_second"], figures["removed_per_second"])
    assert ((2 + 2 + 1) / 3, 51) == (figures["reuse_avg"], figures["pushed_total"])


@pytest.mark.parametrize(
    "damage",
    [
        {"uses": [1]},
        {"uses": [-1] * 9},
        {"uses": "many"},
        {"totals": [1, 2]},
        {"seconds": None},
        {"period": {}},
        {"summaries": {}},
        {"summaries": {key: [0.5, 0, 0, 0] for key in ("sample_age", "reuse", "priority", "ess")}},
    ],
    ids=repr,
)
def test_a_damaged_state_is_refused_and_changes_nothing(damage):
    now = Setting(size=6)
    now.buffer.extend(range(6))
    now.draw(0, 3)
    state = copy.deepcopy(now.buffer.state_dict())
    state["layers"][0]["state"].update(damage)
    before = now.buffer.state_dict()["layers"]

    with pytest.raises(CorruptSnapshot, match="monitor"):
        now.buffer.load_state_dict(state)

    assert before == now.buffer.state_dict()["layers"]


@on_every_storage
def test_a_deep_copy_reports_to_the_same_place_by_the_same_clock(storage):
    now = Setting(storage)
    now.buffer.extend(range(3))
    now.draw(0)
    twin = copy.deepcopy(now.buffer)
    twin.sample(indices=[twin[0].index])
    now.clock.advance(2)
    (layer,) = twin._middleware
    assert isinstance(layer, Monitor)
    layer.close()
    now.layer.close()

    assert [2, 1] == [report["buffer/sampled_total"] for report in now.reports]
    assert [1.5, 1.0] == [report["buffer/reuse_avg"] for report in now.reports]
    assert [2.0, 2.0] == [report["buffer/period_seconds"] for report in now.reports]


def test_with_a_log_a_buffer_can_be_pickled():
    buffer = DequeBuffer(4, seed=0).use(monitor(every_samples=2))
    buffer.extend(range(3))
    twin = pickle.loads(pickle.dumps(buffer))
    twin.sample(2)
    twin.sample(2)

    assert {"sampled": 4, "batches": 2, "reports": 1, "sink_errors": 0} == twin.stats()["monitor"]


def test_it_keeps_no_item():
    class Payload:
        pass

    now = Setting(size=2)
    for _ in range(2):
        now.buffer.push(Payload())
    payloads = [weakref.ref(item.data) for item in now.buffer.sample(2)]
    now.buffer.clear()
    gc.collect()

    assert [None, None] == [payload() for payload in payloads]


@on_every_storage
def test_many_threads_lose_no_count(storage):
    reports: list[dict[str, float]] = []
    layer = monitor(reports.append, every_samples=7, clock=ManualClock())
    buffer = DequeBuffer(50, storage=storage(), seed=0).use(layer)
    buffer.extend(range(50))

    def push() -> None:
        for number in range(300):
            buffer.push(number)

    def sample() -> None:
        for _ in range(150):
            buffer.sample(4)

    threads = [threading.Thread(target=work) for work in (push, push, sample, sample)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    layer.close()

    last = reports[-1]
    assert (650, 600, 1200, 300) == tuple(
        last[f"buffer/{key}_total"] for key in ("pushed", "removed", "sampled", "batches")
    )
    assert 300 // 7 + 1 == len(reports)

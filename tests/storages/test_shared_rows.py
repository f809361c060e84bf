from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import NotEnoughItems, Overtaken, SchemaError
from ding_buffer.storages import shared_rows
from ding_buffer.storages.shared_rows import SharedRows
from ding_buffer.storages.shared_storage import SharedStorage
from tests.storages.shared_processes import (
    PATIENCE,
    WIDE,
    files,
    numbers,
    pair,
    process,
    push_wide_rows,
    reader_of,
    row,
    running,
    storage_of,
    until,
)

SECONDS = 2.0


def torn(batch):
    """Counts the rows of a batch in which not every number is the same."""
    first = batch.data["first"]
    return np.count_nonzero(
        (batch.data["wide"] != first[:, None]).any(axis=1) | (batch.data["last"] != first)
    )


def read_under_fire(seconds, enough):
    """Samples wide rows that two processes write over all the time; returns what was found.

    It goes on for so many seconds, and on a busy machine for longer, until it has found enough.
    """
    with SharedStorage(WIDE, writers=2, meta={"number": int, "env": int}) as storage:
        buffer = DequeBuffer(8, storage=storage, seed=0)
        found: dict[str, Any] = {"torn": 0, "strange": 0, "drawn": 0, "writers": set()}
        with running(*(process(push_wide_rows, storage.name, writer) for writer in range(2))):
            until(lambda: len(buffer) == 8)
            began = time.monotonic()
            while (passed := time.monotonic() - began) < seconds or not enough(found, buffer.stats()):
                assert passed < PATIENCE, f"{found}, {buffer.stats()}"
                try:
                    batch = buffer.sample(8, replace=True)
                except (Overtaken, NotEnoughItems):  # a busy machine may let nobody but the writers run
                    continue
                found["drawn"] += len(batch)
                found["torn"] += torn(batch)
                found["strange"] += np.count_nonzero(batch.data["first"] != batch.meta["number"])
                found["writers"] |= set(batch.meta["env"].tolist())
        buffer.store.check()
        return found


def test_no_row_is_torn_and_none_has_the_meta_of_another():
    found = read_under_fire(
        SECONDS,
        lambda found, stats: found["drawn"] > 100 and found["writers"] == {0, 1} and stats["missed"] > 0,
    )

    assert (0, 0) == (found["torn"], found["strange"])


def test_rows_are_torn_where_versions_are_not_compared(monkeypatch):
    monkeypatch.setattr(SharedRows, "steady", lambda self, slots, read: read(self.rows_of(slots)))
    read_under_fire(0.0, lambda found, _: found["torn"] and found["strange"])


def overrun(one, count):
    """Lets a writer go on without its reader looking."""
    one.extend([row(number) for number in range(100, 100 + count)])


def test_a_row_that_was_written_over_is_not_read_and_its_item_is_gone():
    one, other = pair(8)
    one.extend([row(number) for number in range(8)])
    with other.store.lock:  # has looked, and will not look again before it is done
        oldest = other.store.ring.live()[:3]
        overrun(one, 10)
        with pytest.raises(
            Overtaken, match=r"2 rows of 'ding_buffer-.*' were written over while they were read"
        ):
            storage_of(other).take(oldest)
        with pytest.raises(Overtaken) as raised:
            storage_of(other).item(int(oldest[0]))
        with pytest.raises(Overtaken):
            storage_of(other).read(oldest, ("n",))
        assert oldest[:1].tolist() == list(raised.value.slots)
        assert 2 == storage_of(other).item(int(oldest[2])).data["n"]
    assert [110 - 8 + number for number in range(8)] == numbers(other)
    assert 3 == other.stats()["overtaken"]


def test_a_row_stays_readable_for_a_while_after_its_item_has_left():
    one, other = pair(8)
    one.extend([row(number) for number in range(8)])
    with other.store.lock:
        slots = other.store.ring.live()
        overrun(one, 8)
        assert list(range(8)) == storage_of(other).take(slots).data["n"].tolist()


def test_a_sample_draws_again_where_its_rows_are_written_over():
    one, other = pair(8)
    one.extend([row(number) for number in range(8)])
    len(other)
    take, tried = storage_of(other).take, list[Any]()

    def late(slots, repeats=True):
        if not tried:
            overrun(one, 16)
        tried.append(slots)
        return take(slots, repeats)

    storage_of(other).take = late
    batch = other.sample(8)

    assert 2 == len(tried)
    assert set(range(108, 116)) == set(batch.data["n"].tolist())
    assert 1 == other.stats()["overtaken"]
    other.store.check()


def test_a_sample_that_is_overtaken_every_time_says_so():
    one, other = pair(8)
    one.push(row(1))
    len(other)

    def late(slots, repeats=True):
        raise Overtaken("too slow", slots[:0])

    storage_of(other).take = late
    with pytest.raises(Overtaken, match="too slow"):
        other.sample(1)


def test_a_payload_that_is_being_replaced_is_waited_for(monkeypatch):
    one, other = pair(8)
    item = one.push(row(1))
    len(other)
    writer = storage_of(one)._shared._own()
    read_row = storage_of(other)._shared.table.row

    def while_written(place):
        if not finished:
            finished.append(writer.finish_again(place, stamp))
        return read_row(place)

    place = storage_of(one)._shared.rows_of(np.array([0])).item()
    stamp, finished = writer.begin_again(place), list[Any]()
    monkeypatch.setattr(storage_of(other)._shared.table, "row", while_written)
    assert 1 == other[0].data["n"]
    assert one.update(item.index, data=row(2)) is True
    assert 2 == other[0].data["n"]


def test_a_payload_whose_writer_died_replacing_it_is_given_up(monkeypatch):
    one, other = pair(8)
    one.extend([row(1), row(2)])
    len(other)
    monkeypatch.setattr(shared_rows, "_TRIES", 3)
    storage_of(one)._shared._own().begin_again(storage_of(one)._shared.rows_of(np.array([0])).item())

    assert [2] == numbers(other)
    assert [2, 2] == other.sample(2, replace=True).data["n"].tolist()


def test_rows_of_a_push_that_failed_are_used_again():
    one, other = pair(4)
    shared = storage_of(one)._shared
    with pytest.raises(IndexError):
        shared.write_many(np.array([0, 1]), lambda rows: shared.table.write_many(rows, []), np.zeros((2, 5)))
    with pytest.raises((TypeError, ValueError)):
        shared.write(0, [], np.zeros(5, np.int64))
    assert 0 == len(other)
    for number in range(50):
        one.push(row(number))
        assert number == other[-1].data["n"]
    assert shared._own().free == 8 - 4


def test_a_refused_item_changes_nothing_for_anybody():
    one, other = pair(4)
    one.push(row(1))
    with pytest.raises(SchemaError):
        one.extend([row(2), {"obs": np.zeros(4), "n": 3}])

    assert [1] == numbers(one) == numbers(other)


def test_readers_and_writers_who_delete_agree_on_what_is_where():
    rng = np.random.default_rng(0)
    one, other = pair(12, writers=2)
    two = reader_of(one, writer=1)
    buffers = [one, two, other]
    for step in range(600):
        buffer = buffers[int(rng.integers(3))]
        if buffer is not other and rng.random() < 0.6:
            new = [row(1000 * step + place) for place in range(int(rng.integers(1, 9)))]
            buffer.extend(new, {"number": [item["n"] for item in new]})
        elif len(buffer) and rng.random() < 0.4:
            buffer.delete([buffer[int(rng.integers(len(buffer)))].index for _ in range(3)])
        elif rng.random() < 0.02:
            buffer.clear()
        buffer.store.check()
        for item in buffer:
            assert item.data["n"] == item.meta["number"]
    for buffer in buffers:
        if len(buffer):
            batch = buffer.sample(20, replace=True)
            assert batch.data["n"].tolist() == batch.meta["number"].tolist()
    assert [] != files(storage_of(one).name)


def test_a_slot_without_an_item_is_read_as_anything():
    one, other = pair(8)
    one.extend([row(1), row(2)])
    assert 2 == len(other)
    slots = np.array([[0, 5], [6, 1]])
    read = storage_of(other).read(slots, ("n",))

    assert (1, 2) == (read[0, 0], read[1, 1])
    assert (2, 2, 3) == storage_of(other).read(slots, ("obs",)).shape
    assert (1,) == storage_of(other).read(np.array([7]), ("n",)).shape
    assert read.reshape(-1).tolist() == [
        storage_of(other).value_of(slot, ("n",)) for slot in slots.reshape(-1).tolist()
    ]
    assert (0,) == storage_of(other).read(np.array([], dtype=np.int64), ("n",)).shape

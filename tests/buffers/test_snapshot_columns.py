"""Files of columns: any storage reads what any other wrote, and rows are copied once."""

from __future__ import annotations

import os
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from ding_buffer.buffers import snapshot
from ding_buffer.buffers.array_file import write_arrays
from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.memmap_storage import MemmapStorage
from tests.buffers import column_buffers
from tests.buffers.array_parts import parts


def columns(count=0, size=64, **options):
    """A buffer on columns of numbers that so many were pushed into."""
    buffer = DequeBuffer(size, storage=ColumnStorage(**options), seed=0)
    for number in range(count):
        buffer.push({"obs": np.full(3, number, np.float32), "n": number}, {"env": number % 3})
    return buffer


def held(buffer):
    return [(item.index, item.data["n"], item.data["obs"].tolist(), item.meta) for item in buffer]


STORAGES = [None, lambda: ColumnStorage(), lambda: ColumnStorage(layout="aligned")]


@pytest.mark.parametrize("there", STORAGES, ids=["objects", "compact", "aligned"])
@pytest.mark.parametrize("here", STORAGES, ids=["objects", "compact", "aligned"])
@pytest.mark.parametrize("count", [0, 1, 5, 8, 13])
@pytest.mark.parametrize("gone", [[], [0], [2, 5], [7]])
def test_what_one_storage_wrote_any_other_reads(tmp_path, here, there, count, gone):
    buffer = DequeBuffer(8, storage=here and here())
    for number in range(count):
        buffer.push(column_buffers.payload(number), {"env": number % 3})
    buffer.delete([buffer[place].index for place in gone if place < len(buffer)])
    buffer.save_data(tmp_path / "file", sync=False)
    for size in (8, 3, 20):
        other = DequeBuffer(size, storage=there and there())
        other.push(column_buffers.payload(99))
        other.load_data(tmp_path / "file")
        other.store.check()
        kept = list(buffer)[-size:]
        assert [item.index for item in kept] == [item.index for item in other]
        assert [item.meta for item in kept] == [item.meta for item in other]
        assert all(column_buffers.same(one.data, two.data) for one, two in zip(kept, other, strict=True))
        other.push(column_buffers.payload(7), {"env": 1})
        other.store.check()


@pytest.mark.parametrize("options", [{}, {"spec": {"obs": (np.float32, (3,)), "n": int}}])
def test_damaged_rows_are_told_and_the_buffer_keeps_what_it_has(tmp_path, options):
    path, original = tmp_path / "file", columns(count=500, size=400)
    original.save_data(path)
    whole = path.read_bytes()
    assert [400, 20] in [entry["shape"] for entry in parts(whole)[0]["arrays"]]
    buffer = columns(count=20, size=300, **options).use(use_time_check(max_use=3))
    before = held(buffer)
    for place in range(64, len(whole), 97):
        damaged = bytearray(whole)
        damaged[place] ^= 16
        path.write_bytes(damaged)
        with pytest.raises(CorruptSnapshot):
            buffer.load_data(path)
        assert before == held(buffer)
    buffer.store.check()
    path.write_bytes(whole)
    buffer.load_data(path)
    assert held(original)[-300:] == held(buffer)


def test_rows_in_mapped_files_are_read_into_new_files(tmp_path):
    path, buffer = tmp_path / "file", DequeBuffer(64, storage=MemmapStorage(tmp_path / "rows"))
    columns(count=90).save_data(path)
    buffer.push({"obs": np.zeros(3, np.float32), "n": 5})
    before = held(buffer)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(CorruptSnapshot):
        buffer.load_data(path)
    assert before == held(buffer)
    path.write_bytes(whole)
    buffer.load_data(path)
    assert list(range(26, 90)) == [item.data["n"] for item in buffer]
    assert 64 * 20 == buffer.stats()["file_bytes"]
    buffer.save_data(tmp_path / "again")
    assert held(buffer) == held(reloaded(tmp_path / "again"))


def reloaded(path, size=64):
    buffer = columns(size=size)
    buffer.load_data(path)
    return buffer


def test_a_state_is_loaded_twice_and_shares_nothing():
    state = columns(count=90).state_dict()
    one, other = columns(), columns()
    one.load_state_dict(state)
    other.load_state_dict(state)
    one.push({"obs": np.zeros(3, np.float32), "n": -1})
    assert list(range(26, 90)) == [item.data["n"] for item in other]


def test_who_reads_a_file_while_another_takes_its_place_gets_the_old_one(tmp_path):
    path = tmp_path / "file"
    old, new, buffer = columns(count=300, size=300), columns(count=20, size=300), columns(size=300)
    old.save_data(path)
    with snapshot.open_snapshot(path) as state:
        new.save_data(path)
        buffer.load_state_dict(state)
    assert held(old) == held(buffer)
    buffer.load_data(path)
    assert held(new) == held(buffer)


def large(count, size, **options):
    """Rows of 4,000 bytes."""
    buffer = DequeBuffer(size, storage=ColumnStorage(**options))
    rows = np.arange(count * 1000, dtype=np.float32).reshape(count, 1000)
    buffer.extend({"obs": rows[: min(count, size)]})
    if count > size:
        buffer.extend({"obs": rows[size:]})
    return buffer


def most_memory(act):
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("count", [2500, 3000, 3700])
def test_large_columns_take_no_second_copy_to_save_or_load(tmp_path, count):
    original, path = large(count, 3000).use(use_time_check(max_use=3)), tmp_path / "file"
    assert most_memory(lambda: original.save_data(path, sync=False)) < 1_000_000
    copy = large(10, 3000).use(use_time_check(max_use=3))
    assert most_memory(lambda: copy.load_data(path)) < 3000 * 4000 + 1_000_000
    rows = [[item.data["obs"] for item in buffer] for buffer in (original, copy)]
    np.testing.assert_array_equal(rows[0], rows[1])


# Waiting.


@pytest.mark.parametrize("sync", [True, False])
def test_a_file_waits_for_the_disk_unless_told_not_to(tmp_path, monkeypatch, sync):
    waited: list[int] = []
    monkeypatch.setattr(os, "fsync", waited.append)
    buffer = columns(count=9)
    buffer.save_data(tmp_path / "file", sync=sync)
    assert int(sync) == len(waited)
    assert held(buffer) == held(reloaded(tmp_path / "file"))


def test_others_push_while_the_disk_is_waited_for(tmp_path, monkeypatch):
    buffer = columns(count=9)

    def push():
        buffer.push({"obs": np.zeros(3, np.float32), "n": 9})

    def wait(_):
        pusher = threading.Thread(target=push)
        pusher.start()
        pusher.join(timeout=60)
        assert not pusher.is_alive()

    monkeypatch.setattr(os, "fsync", wait)
    buffer.save_data(tmp_path / "file")
    assert (10, 9) == (len(buffer), len(reloaded(tmp_path / "file")))


@pytest.mark.parametrize(("storage", "owned"), [(ColumnStorage, True), (lambda: None, False)])
def test_columns_lie_still_while_they_are_written_and_objects_need_not(tmp_path, monkeypatch, storage, owned):
    buffer, seen = DequeBuffer(8, storage=storage()), []
    write = write_arrays

    def watched(*args):
        seen.append(buffer.store.lock._is_owned())
        write(*args)

    buffer.push({"obs": 1})
    monkeypatch.setattr(snapshot, "write_arrays", watched)
    buffer.save_data(tmp_path / "file", sync=False)
    assert [owned] == seen
    assert not buffer.store.lock._is_owned()


@pytest.mark.parametrize("where", ["open", "replace", "write_arrays"])
def test_who_may_not_write_leaves_nothing_behind_and_others_go_on(tmp_path, monkeypatch, where):
    buffer = columns(count=9)
    buffer.save_data(tmp_path / "file")
    before = (tmp_path / "file").read_bytes()

    def refused(*_, **__):
        raise PermissionError("not yours")

    owner = {"open": Path, "replace": Path, "write_arrays": snapshot}[where]
    monkeypatch.setattr(owner, where, refused)
    buffer.push({"obs": np.zeros(3, np.float32), "n": 9})
    with pytest.raises(PermissionError, match="not yours"):
        buffer.save_data(tmp_path / "file")
    monkeypatch.undo()
    assert not buffer.store.lock._is_owned()
    assert before == (tmp_path / "file").read_bytes()
    assert ["file"] == [path.name for path in tmp_path.iterdir()]

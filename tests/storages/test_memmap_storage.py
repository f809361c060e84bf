from __future__ import annotations

import copy
import mmap
import re
from pathlib import Path

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.storages.memmap_storage import MemmapStorage
from ding_buffer.storages.schema_spec import Ragged
from ding_buffer.testing.storage_suite import StorageSuite


def row(number):
    return {"obs": np.full(3, number, np.float32), "frame": np.full((20, 20), number % 256, np.uint8)}


class TestMemmapStorage(StorageSuite):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.path = tmp_path

    def make(self):
        return MemmapStorage(self.path)

    def payload(self, number):
        return row(number)

    def same(self, left, right):
        return all(np.array_equal(left[key], right[key]) for key in ("obs", "frame"))

    def refused(self):
        return [({**row(0), "obs": np.zeros(4)}, {"number": 0}), ({"obs": np.zeros(3)}, {})]


class TestMemmapStorageOfObjects(TestMemmapStorage):
    def make(self):
        return MemmapStorage(
            self.path,
            {"obs": (np.float32, (3,)), "name": str, "tokens": Ragged(np.int64)},
            layout="compact",
        )

    def payload(self, number):
        return {"obs": np.full(3, number), "name": str(number), "tokens": np.arange(number % 5)}

    def same(self, left, right):
        return left["name"] == right["name"] and all(
            np.array_equal(left[key], right[key]) for key in ("obs", "tokens")
        )

    def refused(self):
        return [({**self.payload(0), "obs": np.zeros(4)}, {"number": 0})]


def test_the_folder_is_made_when_the_first_item_comes(tmp_path):
    path = tmp_path / "a" / "b"
    buffer = DequeBuffer(4, storage=MemmapStorage(path))
    assert not path.exists()
    buffer.push(row(1))
    assert path.is_dir()


def test_no_file_has_a_name_so_none_can_remain(tmp_path):
    one, other = (DequeBuffer(4, storage=MemmapStorage(tmp_path)) for _ in range(2))
    one.push(row(1))
    other.push(row(2))

    assert [] == list(tmp_path.iterdir())
    assert 1 == one[0].data["frame"][0, 0]
    assert 2 == other[0].data["frame"][0, 0]


def test_the_rows_are_counted_as_bytes_of_files(tmp_path):
    storage = MemmapStorage(tmp_path, {"obs": (np.float32, (16,)), "frame": (np.uint8, (20, 20))})
    buffer = DequeBuffer(100, storage=storage)

    assert (100 * (64 + 400), 0) == (buffer.stats()["file_bytes"], buffer.stats()["bytes"])
    buffer.push({"obs": np.zeros(16), "frame": np.zeros((20, 20), np.uint8)}, {"env": 1})
    assert 800 <= buffer.stats()["bytes"] < 1000


def test_without_a_spec_the_files_go_when_it_is_cleared(tmp_path):
    buffer = DequeBuffer(4, storage=MemmapStorage(tmp_path))
    buffer.push(row(1))
    assert buffer.stats()["file_bytes"] > 0
    buffer.clear()
    assert 0 == buffer.stats()["file_bytes"]
    buffer.push({"x": 1})
    assert 1 == buffer[0].data["x"]


def test_a_flush_changes_nothing_that_can_be_seen(tmp_path):
    storage = MemmapStorage(tmp_path)
    storage.flush()
    buffer = DequeBuffer(4, storage=storage)
    buffer.extend([row(number) for number in range(4)])
    storage.flush()

    assert [0, 1, 2, 3] == [item.data["frame"][0, 0] for item in buffer]


def test_a_copy_is_in_memory_until_it_is_cleared(tmp_path):
    buffer = DequeBuffer(4, storage=MemmapStorage(tmp_path))
    buffer.extend([row(number) for number in range(4)])
    twin = copy.deepcopy(buffer)
    twin.push(row(9))

    assert [0, 1, 2, 3] == [item.data["frame"][0, 0] for item in buffer]
    assert [1, 2, 3, 9] == [item.data["frame"][0, 0] for item in twin]
    assert 0 == twin.stats()["file_bytes"]
    twin.clear()
    twin.push(row(5))
    assert twin.stats()["file_bytes"] > 0


def test_files_larger_than_the_disk_are_refused(tmp_path):
    with pytest.raises(OSError, match=re.escape(f"the disk of {tmp_path} has")):
        DequeBuffer(10**12, storage=MemmapStorage(tmp_path, {"frame": (np.uint8, (1000,))}))


def test_it_saves_and_loads_like_any_other(tmp_path):
    buffer = DequeBuffer(4, storage=MemmapStorage(tmp_path / "rows"))
    buffer.extend([row(number) for number in range(6)], {"env": np.arange(6)})
    buffer.save_data(tmp_path / "saved")
    other = DequeBuffer(4, storage=MemmapStorage(tmp_path / "other"))
    other.load_data(tmp_path / "saved")

    assert [2, 3, 4, 5] == [item.data["frame"][0, 0] for item in other]
    assert [2, 3, 4, 5] == [item.meta["env"] for item in other]


_PAGES = Path("/proc/self/statm")


def resident():
    """Returns the bytes that this process has in memory now, whatever it once had."""
    return int(_PAGES.read_text().split()[1]) * mmap.PAGESIZE


@pytest.mark.skipif(not _PAGES.exists(), reason="memory is counted in /proc")
def test_memory_is_taken_for_what_is_written_and_not_for_what_there_is_room_for(tmp_path):
    before = resident()
    storage = MemmapStorage(tmp_path, {"frame": (np.uint8, (1 << 20,))})
    buffer = DequeBuffer(1024, storage=storage)  # 1 GB
    for number in (0, 1):
        buffer.push({"frame": np.full(1 << 20, number, np.uint8)})
    grown = resident() - before

    assert 1024 << 20 == buffer.stats()["file_bytes"]
    assert grown < 512 << 20
    assert [0, 1] == [item.data["frame"][-1] for item in buffer]

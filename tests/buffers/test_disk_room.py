from __future__ import annotations

import os
import sys

import pytest

from ding_buffer.buffers import disk_room
from ding_buffer.buffers.disk_room import reserve_room


@pytest.mark.parametrize("size", [0, 100, 3_000_000])
def test_a_file_with_room_is_as_long_as_what_was_written(tmp_path, size):
    with (tmp_path / "file").open("wb") as file:
        reserve_room(file.fileno(), size)
        file.write(b"text")

    assert b"text" == (tmp_path / "file").read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="room is reserved on Linux")
def test_more_room_than_there_is_is_no_mistake_yet(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        reserve_room(file.fileno(), 2**62)
        assert 0 == os.fstat(file.fileno()).st_size


@pytest.mark.parametrize(("name", "value"), [("sys.platform", "darwin"), ("ctypes.CDLL", lambda _: object())])
def test_a_system_that_knows_no_such_thing_is_not_asked(tmp_path, monkeypatch, name, value):
    monkeypatch.setattr(f"{disk_room.__name__}.{name}", value)
    disk_room._fallocate.cache_clear()
    try:
        assert disk_room._fallocate() is None
        with (tmp_path / "file").open("wb") as file:
            reserve_room(file.fileno(), 3_000_000)
    finally:
        disk_room._fallocate.cache_clear()

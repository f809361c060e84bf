from __future__ import annotations

import pytest

from ding_buffer.pipeline.sequential_buffer import SequentialBuffer
from tests.pipeline.written_pickles import write_fields


def test_the_seeds_example_works():
    buffer = SequentialBuffer(["state", "action", "reward"], max_size=1000)
    buffer.add({"state": [0.1, 0.2], "action": 1, "reward": 0.5})

    assert {"state": [[0.1, 0.2]], "action": [1], "reward": [0.5]} == buffer.get_data()


def test_the_oldest_gives_way():
    buffer = SequentialBuffer(["a"], 3)
    for number in range(10):
        buffer.add({"a": number, "more": None})

    assert {"a": [7, 8, 9]} == buffer.get_data()


def test_names_may_come_from_a_generator():
    buffer = SequentialBuffer((name for name in ("a", "b")), 3)
    buffer.add({"a": 1, "b": 2})

    assert {"a": [1], "b": [2]} == buffer.get_data()


def test_a_lone_size_may_be_named():
    buffer = SequentialBuffer(max_size=5)

    assert (5, None) == (buffer.max_size, buffer.field_rows)


def test_one_field_is_one():
    buffer = SequentialBuffer(["a"], 2)
    buffer.add({"a": (1, 2)})

    assert {"a": [(1, 2)]} == buffer.get_data() == buffer.sample(1)


@pytest.mark.parametrize("size", [3, 10])
def test_files_of_the_original_load_and_the_newest_are_kept(tmp_path, size):
    write_fields(tmp_path / "saved", {"a": range(5), "b": "vwxyz"})
    buffer = SequentialBuffer(["b", "a"], size)
    buffer.add({"a": 99, "b": 99})
    buffer.load_state(tmp_path / "saved")

    assert {"b": list("vwxyz")[-size:], "a": list(range(5))[-size:]} == buffer.get_data()
    assert min(size, 5) == len(buffer)


def test_of_more_than_there_is_room_for_the_newest_are_kept(tmp_path):
    buffer = SequentialBuffer(["a"], 8)
    for number in range(20):
        buffer.add({"a": number})
    buffer.save_state(tmp_path / "saved")
    smaller, none = SequentialBuffer(["a"], 3), SequentialBuffer(["a"], 0)
    for other in (smaller, none):
        other.load_state(tmp_path / "saved")

    assert {"a": [17, 18, 19]} == smaller.get_data()
    assert 0 == len(none)

from __future__ import annotations

import pickle

import pytest

from ding_buffer.pipeline.dict_sequential_buffer import DictSequentialBuffer


def test_it_takes_exactly_its_keys():
    buffer = DictSequentialBuffer(["b", "a"], 2)
    for number in range(3):
        buffer.add({"a": number, "b": -number})
    for wrong in ({"a": 1}, {"a": 1, "b": 2, "c": 3}):
        with pytest.raises(ValueError, match=r"Data keys .* do not match expected keys"):
            buffer.add(wrong)

    assert {"b": [-1, -2], "a": [1, 2]} == buffer.get_data()
    assert ["b", "a"] == list(buffer.get_data())
    assert {"a", "b"} == buffer.keys
    buffer.keys.clear()
    assert {"a", "b"} == buffer.keys


def test_its_state_is_one_file_and_dots_do_not_matter(tmp_path):
    buffers = {}
    for version in ("v1.0", "v1.5"):
        buffer = buffers[version] = DictSequentialBuffer(["a"], 2)
        buffer.add({"a": version})
        buffer.save_state(tmp_path / version)
        buffer.save_state(tmp_path / version)

    assert ["v1.0.snapshot", "v1.5.snapshot"] == sorted(path.name for path in tmp_path.iterdir())
    for version in buffers:
        buffers["v1.0"].load_state(tmp_path / version)
        assert {"a": [version]} == buffers["v1.0"].get_data()


def test_a_file_of_the_original_loads(tmp_path):
    (tmp_path / "saved.pkl").write_bytes(pickle.dumps([{"a": number, "b": "x"} for number in range(5)]))
    buffer = DictSequentialBuffer(["b", "a"], 3)
    buffer.load_state(tmp_path / "saved")

    assert {"b": ["x"] * 3, "a": [2, 3, 4]} == buffer.get_data()


def test_a_subclass_may_save_in_its_own_way(tmp_path):
    class Own(DictSequentialBuffer):
        def save_state(self, path):
            path.write_text("own")

    Own(["a"], 2).save_state(tmp_path / "file")

    assert "own" == (tmp_path / "file").read_text()

from __future__ import annotations

import pickle
import random

import pytest

from ding_buffer.pipeline.dict_replacement_buffer import DictRandomReplacementBuffer


def test_it_takes_exactly_its_keys_and_replaces_at_random(monkeypatch):
    monkeypatch.setattr(random, "randint", lambda low, high: 1)
    buffer = DictRandomReplacementBuffer(["a", "b"], 3)
    for number in range(4):
        buffer.add({"a": number, "b": -number})
    with pytest.raises(ValueError, match="do not match expected keys"):
        buffer.add({"a": 1})

    assert {"a": [0, 3, 2], "b": [0, -3, -2]} == buffer.get_data()
    assert {"a", "b"} == buffer.keys


def test_its_queue_holds_what_it_takes_to_replace_everything():
    assert 6 == DictRandomReplacementBuffer(["a"], 3, 0.5).max_queue_size
    assert 48 == DictRandomReplacementBuffer(["a"], 3, 0.0).max_queue_size


def test_a_file_of_the_original_loads(tmp_path):
    (tmp_path / "saved.pkl").write_bytes(pickle.dumps([{"a": number} for number in range(5)]))
    buffer = DictRandomReplacementBuffer(["a"], 3, expected_survival_length=50)
    buffer.load_state(tmp_path / "saved")

    assert {"a": [0, 1, 2]} == buffer.get_data()

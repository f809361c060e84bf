"""Files: what is written comes back, nothing in one is executed, and damage is told."""

from __future__ import annotations

import os
import pickle
import sys
from collections import namedtuple
from dataclasses import dataclass, field

import numpy as np
import pytest
from easydict import EasyDict

from ding_buffer.buffers import snapshot, structure
from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, CorruptSnapshot
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.use_count import use_time_check
from tests.buffers.array_parts import changed, sealed

Point = namedtuple("Point", "x y")


@dataclass
class Step:
    obs: object
    tags: list = field(default_factory=list)


def layered(size=64, seed=0):
    return DequeBuffer(size, seed=seed).use(use_time_check(max_use=6)).use(PriorityExperienceReplay())


def used(count=90, size=64):
    buffer = layered(size)
    for number in range(count):
        buffer.push({"obs": np.full(3, number, np.float32), "reward": 0.5}, {"env": number // 9})
    buffer.delete([buffer[place].index for place in (3, 11, 40)])
    buffer.sample(3, groupby="env")
    batch = buffer.sample(16)
    buffer.update([item.index for item in batch], meta={"priority": np.linspace(0.1, 3.0, 16)})
    return buffer


def read(path):
    with snapshot.open_snapshot(path) as state:
        return state


def told(batch):
    return [
        (float(item.data["obs"][0]), sorted((k, repr(v)) for k, v in item.meta.items())) for item in batch
    ]


def test_a_loaded_buffer_draws_the_same_next_batches(tmp_path):
    original, copy = used(), layered(seed=99)
    original.save_data(tmp_path / "buffer")
    copy.load_data(tmp_path / "buffer")
    copy.store.check()
    for number in range(20):
        assert told(original.sample(8)) == told(copy.sample(8))
        groups = original.sample(2, groupby="env", unroll_len=3), copy.sample(2, groupby="env", unroll_len=3)
        assert [told(group) for group in groups[0]] == [told(group) for group in groups[1]]
        for buffer in (original, copy):
            buffer.push({"obs": np.full(3, 1000.0 + number), "reward": 0.0}, {"env": 100 + number % 3})


def test_indices_of_old_items_stay_and_new_ones_are_nobody_elses(tmp_path):
    original, copy = used(), layered()
    original.save_data(tmp_path / "buffer")
    copy.load_data(tmp_path / "buffer")
    assert [item.index for item in original] == [item.index for item in copy]
    new = [buffer.push({"obs": np.zeros(3)}).index for buffer in (original, copy) for _ in range(50)]
    assert 100 == len(set(new))
    assert all(copy.indices.get(item.index) == place for place, item in enumerate(copy))


@pytest.mark.parametrize("size", [1, 10, 64, 200])
def test_a_loaded_buffer_keeps_its_own_capacity_and_the_newest_items(tmp_path, size):
    original, copy = used(), layered(size)
    original.save_data(tmp_path / "buffer")
    copy.load_data(tmp_path / "buffer")
    copy.store.check()
    assert (size, min(size, len(original))) == (copy.size, len(copy))
    assert told(list(original)[-size:]) == told(list(copy))
    assert original.stats()["evicted"] + max(0, len(original) - size) == copy.stats()["evicted"]
    copy.sample(4)
    for number in range(size + 3):
        copy.push({"obs": np.full(3, number)})
    copy.store.check()
    assert size == len(copy)


def test_layers_that_were_not_saved_take_the_items_in(tmp_path):
    plain = DequeBuffer(8, seed=1)
    for number in range(8):
        plain.push({"obs": [number]})
    plain.save_data(tmp_path / "buffer")
    buffer = layered(8)
    buffer.load_data(tmp_path / "buffer")
    assert {0, 1, 2, 3, 4, 5, 6, 7} == {item.data["obs"][0] for _ in range(5) for item in buffer.sample(8)}


def test_a_buffer_of_payloads_of_all_kinds_comes_back(tmp_path):
    payloads = [
        {"obs": np.arange(3), "next": {"obs": (1, None)}},
        EasyDict(a={"b": [1]}),
        Point(1, [2]),
        Step(obs=np.arange(3), tags=["a"]),
        np.array([None, "x", 3], dtype=object),
        b"\x00\xff",
        list(range(300)),
    ]
    original, copy = DequeBuffer(9), DequeBuffer(9)
    original.extend(payloads, meta={"env": list(range(7)), "origin": "here"})
    original.save_data(tmp_path / "buffer")
    copy.load_data(tmp_path / "buffer")
    assert [repr(item) for item in original] == [repr(item) for item in copy]


def test_tensors_and_trees_come_back(tmp_path):
    torch = pytest.importorskip("torch")
    treetensor = pytest.importorskip("treetensor.torch")
    tree = treetensor.as_tensor({"obs": torch.ones(2), "in": {"a": torch.zeros(1)}})
    snapshot.write_snapshot(tmp_path / "file", {"tree": tree, "tensor": torch.arange(3)})
    back = read(tmp_path / "file")
    assert type(tree) is type(back["tree"])
    assert torch.equal(tree["in"].a, back["tree"]["in"].a)
    assert torch.equal(torch.arange(3), back["tensor"])


def test_what_was_loaded_shares_no_memory_between_items(tmp_path):
    buffer = DequeBuffer(4)
    for number in range(4):
        buffer.push(np.full(3, number))
    buffer.save_data(tmp_path / "buffer")
    buffer.load_data(tmp_path / "buffer")
    assert all(item.data.base is None or item.data.base.size == 3 for item in buffer)
    buffer[0].data[:] = 9
    assert [1, 2, 3] == [item.data[0] for item in list(buffer)[1:]]


class Unknown:
    """A class that nobody said how to write."""

    def __init__(self, number=0):
        self.number = number


def cyclic():
    payload: list = []
    payload.append(payload)
    return payload


def test_a_registered_class_comes_back_and_one_that_is_not_leaves_the_buffer_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(structure, "_CUSTOM", {})
    structure.register_payload(Unknown, lambda value: value.number, Unknown)
    original, copy = DequeBuffer(4), DequeBuffer(4)
    original.push(Unknown(7))
    original.save_data(tmp_path / "buffer")
    copy.load_data(tmp_path / "buffer")
    assert [7] == [item.data.number for item in copy]
    structure._CUSTOM.clear()
    copy.push(8)
    with pytest.raises(
        CorruptSnapshot, match="Unknown, which nobody registered: call register_payload first"
    ):
        copy.load_data(tmp_path / "buffer")
    assert 8 == copy[1].data


@pytest.mark.parametrize("payload", [Unknown(), lambda: None, {(1, 2): 3}, cyclic()])
def test_a_payload_that_cannot_be_written_is_refused_and_no_file_touched(tmp_path, payload):
    buffer = DequeBuffer(4)
    buffer.push(1)
    buffer.save_data(tmp_path / "buffer")
    before = (tmp_path / "buffer").read_bytes()
    buffer.push(payload)
    with pytest.raises(BadArgument, match="cannot be written"):
        buffer.save_data(tmp_path / "buffer")
    assert before == (tmp_path / "buffer").read_bytes()
    assert ["buffer"] == [path.name for path in tmp_path.iterdir()]


def test_a_crash_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    buffer = used()
    buffer.save_data(tmp_path / "buffer")
    before = (tmp_path / "buffer").read_bytes()

    def full_disk(*_):
        raise OSError("no space left on device")

    buffer.push({"obs": np.zeros(3)})
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space"):
        buffer.save_data(tmp_path / "buffer")
    assert before == (tmp_path / "buffer").read_bytes()
    assert ["buffer"] == [path.name for path in tmp_path.iterdir()]


def test_missing_folders_are_made_and_a_bare_name_works(tmp_path, monkeypatch):
    buffer = used()
    buffer.save_data(tmp_path / "a" / "b" / "buffer.ding")
    monkeypatch.chdir(tmp_path)
    buffer.save_data("bare")
    copy = layered()
    copy.load_data("bare")
    copy.load_data(str(tmp_path / "a" / "b" / "buffer.ding"))
    assert len(buffer) == len(copy)


def test_a_flipped_bit_is_told_wherever_it_is(tmp_path):
    path = tmp_path / "buffer"
    used().save_data(path)
    whole = path.read_bytes()
    rng, buffer = np.random.default_rng(0), layered()
    for place in rng.integers(len(whole), size=300):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(CorruptSnapshot, match=str(path)):
            buffer.load_data(path)
    assert 0 == len(buffer)


def test_a_file_cut_short_is_told_and_the_buffer_keeps_what_it_has(tmp_path):
    buffer, path = used(), tmp_path / "buffer"
    buffer.save_data(path)
    whole, held = path.read_bytes(), told(buffer)
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptSnapshot):
            buffer.load_data(path)
    assert held == told(buffer)


def test_a_pickle_is_no_snapshot_and_is_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    path = tmp_path / "buffer.hkl"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CorruptSnapshot):
        DequeBuffer(4).load_data(path)
    assert not (tmp_path / "exploded").exists()


def rewritten(path, change):
    """Changes the description in a file and keeps the arrays."""
    path.write_bytes(changed(path.read_bytes(), change))


@pytest.mark.parametrize(
    ("structure", "what"),
    [
        (["mystery", []], "holds a 'mystery', which this version cannot make"),
        (["dataclass", "antigravity:Step", [], []], "Import antigravity before loading it"),
        (["dataclass", "builtins:eval", [], []], "Import builtins"),
        (["dict", ["a"], []], "damaged"),
        (5, "damaged"),
        (["list", ["none"]], "holds no state"),
    ],
)
def test_a_description_that_makes_no_sense_is_told_with_the_path(tmp_path, structure, what):
    path = tmp_path / "file"
    snapshot.write_snapshot(path, {})

    rewritten(path, lambda text: text["body"]["tables"][0].update(structure=structure))
    with pytest.raises(CorruptSnapshot, match=what) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "antigravity" not in sys.modules


def test_a_file_that_counts_its_arrays_wrongly_is_told(tmp_path):
    path = tmp_path / "file"
    snapshot.write_snapshot(path, {"a": np.zeros(3), "b": 5})
    rewritten(path, lambda text: text["body"]["tables"][0].update(columns=[1, 7]))
    with pytest.raises(CorruptSnapshot, match="damaged"):
        read(path)


def test_a_file_of_another_version_says_so(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(sealed(b"{}", version=99))
    with pytest.raises(CorruptSnapshot, match=f"{path}: it says that it is of version 99"):
        read(path)


def test_a_missing_file_is_the_usual_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        DequeBuffer(4).load_data(tmp_path / "nothing")


@pytest.mark.parametrize("what", ["store", "layers"])
def test_a_file_without_its_parts_is_told(tmp_path, what):
    state = used().state_dict()
    del state[what]
    snapshot.write_snapshot(tmp_path / "file", state)
    buffer = layered()
    with pytest.raises(CorruptSnapshot, match=what):
        buffer.load_data(tmp_path / "file")
    assert 0 == len(buffer)

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
import torch

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.cli.checkpoint import Checkpoint, Saved
from ding_buffer.core.errors import CorruptSnapshot


def filled(seed: int = 0) -> DequeBuffer:
    buffer = DequeBuffer(50, seed=seed)
    buffer.extend(list(range(50)))
    return buffer


def saved(step: int = 1) -> Saved:
    return Saved({"seed": 3}, {"env_step": step}, {"weights": torch.arange(4.0)})


@pytest.fixture
def checkpoint(tmp_path) -> Checkpoint:
    return Checkpoint(tmp_path / "run" / "checkpoint")


def test_what_was_saved_comes_back(checkpoint) -> None:
    buffer = filled()
    checkpoint.save(buffer, saved())
    restored = DequeBuffer(50, seed=9)
    loaded = checkpoint.load(restored)

    assert {"seed": 3} == loaded.settings == checkpoint.settings()
    assert 1 == loaded.state["env_step"]
    assert [0.0, 1.0, 2.0, 3.0] == loaded.networks["weights"].tolist()
    assert [item.index for item in buffer.sample(16)] == [item.index for item in restored.sample(16)]


def test_a_new_checkpoint_takes_the_place_of_the_old_one_and_leaves_nothing_beside(checkpoint) -> None:
    for step in (1, 2):
        checkpoint.save(filled(), saved(step))

    assert 2 == checkpoint.state()["env_step"]
    assert ["checkpoint"] == [path.name for path in checkpoint.folder.parent.iterdir()]


def test_a_save_that_was_cut_off_leaves_the_old_one(checkpoint) -> None:
    checkpoint.save(filled(), saved(1))
    checkpoint.folder.with_name("checkpoint.new").mkdir()
    assert 1 == checkpoint.state()["env_step"]

    checkpoint.folder.rename(checkpoint.folder.with_name("checkpoint.before"))
    assert checkpoint.exists()
    assert 1 == checkpoint.load(DequeBuffer(50)).state["env_step"]

    checkpoint.save(filled(), saved(2))
    assert 2 == checkpoint.state()["env_step"]
    assert ["checkpoint"] == [path.name for path in checkpoint.folder.parent.iterdir()]


def test_an_empty_folder_is_no_checkpoint(checkpoint) -> None:
    assert not checkpoint.exists()
    with pytest.raises(CorruptSnapshot, match="there is no checkpoint in"):
        checkpoint.state()


@pytest.mark.parametrize("name", ["buffer.ding", "networks.pt", "state.json", "settings.yaml"])
def test_a_damaged_file_is_named(checkpoint, name) -> None:
    checkpoint.save(filled(), saved())
    (checkpoint.folder / name).write_bytes(b"\x80\x04K\x01.")

    with pytest.raises(CorruptSnapshot, match=name):
        checkpoint.load(DequeBuffer(50))


def test_a_checkpoint_of_another_format_is_refused(checkpoint) -> None:
    checkpoint.save(filled(), saved())
    (checkpoint.folder / "state.json").write_text(json.dumps({"format": 99}), encoding="utf-8")

    with pytest.raises(CorruptSnapshot, match="another version"):
        checkpoint.state()


def test_networks_are_never_unpickled(checkpoint, tmp_path) -> None:
    checkpoint.save(filled(), saved())
    torch.save({"weights": Planted(tmp_path / "planted")}, checkpoint.folder / "networks.pt")

    with pytest.raises(CorruptSnapshot, match=r"networks\.pt"):
        checkpoint.load(DequeBuffer(50))
    assert not (tmp_path / "planted").exists()


class Planted:
    """Writes a file when it is unpickled."""

    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        return (type(self.path).touch, (self.path,))

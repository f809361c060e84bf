"""Readers under a process that writes and one that evicts: no torn file, no exception."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from typing import Any

import numpy as np

from ding_buffer.trajectories.disk_dataset import DiskTrajDataset
from ding_buffer.trajectories.traj_file import new_traj_path
from tests.trajectories.made import frozen_traj, trajectory

SECONDS = 2.0


def keep_writing(folder: str, ready: Any, stop: Any) -> None:
    count = 0
    while not stop.is_set():
        count += 1
        if count % 2:
            frozen_traj(300, first=count).save_to_disk(new_traj_path(folder))
        else:
            trajectory(20).save_to_disk(new_traj_path(folder), "trajectory")
        if count == 20:
            ready.set()


def keep_evicting(root: str, stop: Any, deleted: Any) -> None:
    dataset = DiskTrajDataset(root, "set", 5)
    dataset.configure(1, None, "none", True)
    while not stop.is_set():
        deleted.value += dataset.on_end_of_collection(None)["Trajectory Files Deleted"]


def test_readers_never_see_a_torn_file_and_skip_what_is_evicted(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, stop, deleted = context.Event(), context.Event(), context.Value("q", 0)
    reader = DiskTrajDataset(tmp_path, "set", 5, seed=0)
    reader.configure(1, None, "none", False)
    others = [
        context.Process(target=keep_writing, args=(reader.fifo_path, ready, stop)),
        context.Process(target=keep_evicting, args=(str(tmp_path), stop, deleted)),
    ]
    for process in others:
        process.start()
    try:
        assert ready.wait(60)
        reader.on_end_of_collection(None)
        draws, until = 0, time.monotonic() + SECONDS
        while time.monotonic() < until or deleted.value < 20 or not reader.stats()["gone"]:
            assert time.monotonic() < until + 60, (deleted.value, reader.stats())
            if draws % 50 == 0:
                reader.on_end_of_collection(None)
            drawn = reader.sample_random_trajectory()
            draws += 1
            if len(drawn) == 300:
                first = float(drawn.rews[0])
                assert np.array_equal(np.arange(300) + first, drawn.rews[:, 0])
    finally:
        stop.set()
        for process in others:
            process.join(60)

    assert [0, 0] == [process.exitcode for process in others]
    stats = reader.stats()
    assert draws == stats["drawn"]
    assert 0 == stats["unreadable"]
    assert stats["gone"] > 0
    assert [] == [path for path in Path(reader.fifo_path).iterdir() if path.suffix == ".part"]

"""Files under several processes: readers beside one that writes and one that evicts, and loader workers."""

from __future__ import annotations

import multiprocessing
import pickle
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from ding_buffer.trajectories.disk_dataset import DiskTrajDataset
from ding_buffer.trajectories.hindsight_relabeler import HindsightRelabeler
from ding_buffer.trajectories.mixture import MixtureOfDatasets
from ding_buffer.trajectories.pad_collate import RLData_pad_collate
from ding_buffer.trajectories.traj_file import new_traj_path
from ding_buffer.trajectories.trajectory_errors import NoTrajectories
from tests.trajectories.made import frozen_traj, trajectory, write
from tests.trajectories.test_disk_dataset import dataset
from tests.trajectories.test_rl_dataset import experiment

pytestmark = [
    # From Python 3.12 on a fork says that torch has threads.
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
    # Where there is one processor, or a part of one, torch says that two workers are too many.
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]

SECONDS = 2.0
PATIENCE = 300.0  # seconds, of which importing torch in two processes may take many


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
        assert ready.wait(PATIENCE)
        reader.on_end_of_collection(None)
        draws, until = 0, time.monotonic() + SECONDS
        while time.monotonic() < until or deleted.value < 20 or not reader.stats()["gone"]:
            assert time.monotonic() < until + PATIENCE, (deleted.value, reader.stats())
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
            process.join(PATIENCE)

    assert [0, 0] == [process.exitcode for process in others]
    stats = reader.stats()
    assert draws == stats["drawn"]
    assert 0 == stats["unreadable"]
    assert stats["gone"] > 0
    assert [] == [path for path in Path(reader.fifo_path).iterdir() if path.suffix == ".part"]


def loaded(made: DiskTrajDataset, workers: int, torch_seed: int) -> list[list[str | None]]:
    loader = DataLoader(
        made,
        batch_size=4,
        num_workers=workers,
        collate_fn=RLData_pad_collate,
        generator=torch.Generator().manual_seed(torch_seed),
    )
    return [[*batch.sources, str(batch.time_idxs.tolist())] for batch in loader]


def test_loader_workers_draw_different_things_that_a_seed_repeats(tmp_path: Path) -> None:
    write(tmp_path / "set" / "buffer" / "fifo", 40, steps=9)

    def passes(seed: int, torch_seed: int) -> list[list[list[str | None]]]:
        made = dataset(tmp_path, size=40, items=32, seed=seed)
        return [loaded(made, 2, torch_seed), loaded(made, 2, torch_seed + 1)]

    first, again = passes(1, 5), passes(1, 5)
    assert first == again
    assert first[0] != first[1]
    assert first[0] != passes(2, 5)[0]
    even, odd = first[0][::2], first[0][1::2]  # the batches of each worker
    assert even != odd


def test_without_workers_the_seed_is_enough(tmp_path: Path) -> None:
    write(tmp_path / "set" / "buffer" / "fifo", 40)

    first, again = (loaded(dataset(tmp_path, size=40, seed=1), 0, seed) for seed in (5, 6))
    assert first == again


def test_workers_that_are_spawned_draw_too_and_their_counts_arrive(tmp_path: Path) -> None:
    made = dataset(tmp_path, items=16, cache_bytes=10**6)
    write(made.fifo_path, 3)
    made.pool.refresh()
    mixture = MixtureOfDatasets([made], [1.0], seed=0)
    mixture.configure(16, 4, "both", True)
    loader = DataLoader(
        mixture, 4, num_workers=2, multiprocessing_context="spawn", collate_fn=RLData_pad_collate
    )

    assert 16 == sum(len(batch.sources) for batch in loader)
    assert 16 == made.stats()["drawn"]


def test_workers_skip_what_is_gone_and_their_counts_arrive(tmp_path: Path) -> None:
    paths = write(tmp_path / "set" / "buffer" / "fifo", 10)
    made = dataset(tmp_path, size=10, items=40)
    for path in paths[:8]:
        path.unlink()
    paths[8].write_bytes(b"torn")

    assert {str(paths[9])} == {source for batch in loaded(made, 2, 0) for source in batch[:4]}
    stats = made.stats()
    assert 40 == stats["drawn"]
    assert 1 <= stats["gone"] <= 4
    assert 1 <= stats["unreadable"] <= 2


def test_a_relabeler_draws_differently_in_each_worker(tmp_path: Path) -> None:
    write(tmp_path / "set" / "buffer" / "fifo", 1, steps=40)
    relabeler = HindsightRelabeler(
        lambda obs: obs["x"],
        lambda got, goal: np.ones(len(got)),
        "episode",
        goal_key="x",
        probability=1.0,
        seed=0,
    )
    made = dataset(tmp_path, items=16, relabeler=relabeler)
    made.max_seq_len = None
    loader = DataLoader(
        made,
        batch_size=4,
        num_workers=2,
        collate_fn=RLData_pad_collate,
        generator=torch.Generator().manual_seed(0),
    )
    goals = [tuple(batch.obs["x"][:, 0, 0].tolist()) for batch in loader]

    assert 4 == len(set(goals))


@pytest.mark.parametrize("shipped", [False, True])
def test_workers_that_live_on_see_new_files_and_weights(tmp_path: Path, shipped: bool) -> None:
    files = DiskTrajDataset(tmp_path, "set", 10, cache_bytes=10**6, seed=0)
    demos = DiskTrajDataset(tmp_path, "demos", 0, seed=0)
    write(demos.protected_path)
    demos.pool.refresh()
    mixture = MixtureOfDatasets([files, demos], [0.5, 0.5], seed=0)
    mixture.configure(32, 4, "both", True)
    if shipped:  # as to a trainer in another process
        mixture = pickle.loads(pickle.dumps(mixture))
        files, demos = mixture.datasets
    loader = DataLoader(
        mixture,
        batch_size=4,
        num_workers=2,
        persistent_workers=True,
        collate_fn=RLData_pad_collate,
        generator=torch.Generator().manual_seed(0),
    )
    seen = []
    for count in (0, 1, 2):
        if count:
            write(files.fifo_path, begin=10.0 * count)
            mixture.on_end_of_collection(experiment(epoch=count))
        seen.append({source for batch in loader for source in batch.sources})

    assert [1, 2, 3] == [len(sources) for sources in seen]
    assert 96 == files.stats()["drawn"] + demos.stats()["drawn"]


def test_what_a_worker_finds_empty_is_told_as_everywhere(tmp_path: Path) -> None:
    made = dataset(tmp_path)
    with pytest.raises(NoTrajectories, match="There is no trajectory to draw in"):
        loaded(made, 1, 0)

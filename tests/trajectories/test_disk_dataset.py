"""Trajectories in files, which other processes write."""

from __future__ import annotations

import logging
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ding_buffer.testing.distribution import surprise
from ding_buffer.trajectories.disk_dataset import DiskTrajDataset
from ding_buffer.trajectories.hindsight_relabeler import HindsightRelabeler
from ding_buffer.trajectories.trajectory import Trajectory
from ding_buffer.trajectories.trajectory_errors import NotConfigured, NoTrajectories
from tests.trajectories.made import trajectory, write, write_now
from tests.trajectories.test_rl_dataset import experiment

METRICS = [
    "Trajectory Files Saved in FIFO Replay Buffer",
    "Trajectory Files Saved in Protected Replay Buffer",
    "Total Trajectory Files in Replay Buffer",
    "Trajectory Files Deleted",
    "Buffer Disk Space (GB)",
]


def dataset(root: Path, size: int = 3, items: int = 8, rights: bool = True, **more: Any) -> DiskTrajDataset:
    made = DiskTrajDataset(root, "set", size, **{"seed": 0, **more})
    made.configure(items, 4, "both", rights)
    return made


def firsts(made: DiskTrajDataset, draws: int = 60) -> set[float]:
    return {float(made.sample_random_trajectory().rews[0]) for _ in range(draws)}


def test_the_folders_are_made_and_actors_write_to_the_first(tmp_path: Path) -> None:
    made = DiskTrajDataset(tmp_path, "set", 3)
    home = tmp_path / "set" / "buffer"

    assert {"fifo", "protected"} == {path.name for path in home.iterdir()}
    assert str(home / "fifo") == made.save_new_trajs_to == made.fifo_path
    assert str(home / "protected") == made.protected_path
    assert "set" == made.dset_name
    assert DiskTrajDataset(tmp_path, "demonstrations", 0).save_new_trajs_to is None


def test_it_draws_what_lies_in_either_folder(tmp_path: Path) -> None:
    made = dataset(tmp_path)
    write(made.fifo_path, 2)
    trajectory(3).save_to_disk(Path(made.protected_path, "any name"), "trajectory")
    made.on_end_of_collection(None)

    assert {0, 1} == firsts(made)
    assert 60 == made.stats()["drawn"]


def test_what_is_drawn_says_where_it_lies_and_has_the_dtypes_of_the_contract(tmp_path: Path) -> None:
    (path,) = write(tmp_path / "set" / "buffer" / "fifo")
    drawn = dataset(tmp_path).sample_random_trajectory()

    assert str(path) == drawn.source
    assert [torch.float32, torch.float32, torch.bool, torch.float32, torch.int64, torch.uint8] == [
        part.dtype
        for part in (drawn.rl2s, drawn.rews, drawn.dones, drawn.actions, drawn.time_idxs, drawn.obs["pixels"])
    ]


def test_the_oldest_above_the_size_go_and_the_protected_stay(tmp_path: Path) -> None:
    made = dataset(tmp_path, size=3)
    paths = write(made.fifo_path, 5)
    kept = write(made.protected_path, 4)
    told = made.on_end_of_collection(experiment())

    assert METRICS == list(told)
    assert [3, 4, 7, 2] == list(told.values())[:4]
    assert pytest.approx(1e-9 * sum(p.stat().st_size for p in [*paths[2:], *kept])) == told[METRICS[4]]
    assert set(paths[2:]) == set(Path(made.fifo_path).iterdir())
    assert set(kept) == set(Path(made.protected_path).iterdir())


def test_without_edit_rights_nothing_is_deleted_but_new_files_are_seen(tmp_path: Path) -> None:
    made = dataset(tmp_path, size=1, rights=False)
    write(made.fifo_path, 3)

    assert {} == made.on_end_of_collection(experiment())
    assert {0, 1, 2} == firsts(made)


def test_only_the_main_process_deletes_and_the_others_see_it(tmp_path: Path) -> None:
    main, other = dataset(tmp_path, size=1), dataset(tmp_path, size=1)
    write(main.fifo_path, 3)
    calls: list[str] = []

    def others_turn() -> None:
        calls.append("wait")
        if len(calls) == 2:
            main.on_end_of_collection(None)

    told = experiment()
    told.accelerator.is_main_process, told.accelerator.wait_for_everyone = False, others_turn
    metrics = other.on_end_of_collection(told)

    assert [1, 0, 1, 2] == [metrics[key] for key in METRICS[:4]]
    assert 2 == len(calls)


@pytest.mark.parametrize(
    ("least", "files", "ready"), [(1, 1, True), (3, 3, True), (3, 2, False), (0, 0, False)]
)
def test_it_is_ready_with_the_minimum(tmp_path: Path, least: int, files: int, ready: bool) -> None:
    write(tmp_path / "set" / "buffer" / "fifo", files // 2)
    write(tmp_path / "set" / "buffer" / "protected", files - files // 2)

    assert ready == dataset(tmp_path, dset_min_size=least).ready_for_training
    assert not DiskTrajDataset(tmp_path, "set", 3, least).ready_for_training


def test_the_description_tells_folders_and_settings(tmp_path: Path) -> None:
    told = dataset(tmp_path, size=7, sample_by="steps", stratified=True).get_description()

    for part in (str(tmp_path / "set"), "protected", "Max Size: 7", "Length: 4", "both", "steps, stratified"):
        assert part in told
    with pytest.raises(NotConfigured):
        DiskTrajDataset(tmp_path, "set", 3).get_description()


def test_a_file_that_is_gone_is_skipped_and_counted(tmp_path: Path) -> None:
    paths = write(tmp_path / "set" / "buffer" / "fifo", 20)
    made = dataset(tmp_path, size=20)
    for path in paths[1:]:
        path.unlink()

    assert {0} == firsts(made)
    assert 1 == made.stats()["gone"]  # it looks what else is gone
    assert 0 == made.on_end_of_collection(None)["Trajectory Files Deleted"]


def test_a_file_that_cannot_be_read_is_skipped_counted_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = write(tmp_path / "set" / "buffer" / "protected", 2)
    whole = paths[0].read_bytes()
    paths[0].write_bytes(whole[:200])
    made = dataset(tmp_path)
    with caplog.at_level(logging.WARNING, "ding_buffer"):
        assert {1} == firsts(made)
        made.on_end_of_collection(None)
        assert {1} == firsts(made)
    assert 1 == len(caplog.records)
    assert paths[0].name in caplog.text
    assert 2 == made.stats()["unreadable"]

    paths[0].write_bytes(whole)  # a writer that does not publish whole files has come to its end
    made.on_end_of_collection(None)
    assert {0, 1} == firsts(made)


def test_a_trajectory_without_transitions_is_skipped(tmp_path: Path) -> None:
    made = dataset(tmp_path)
    Path(made.fifo_path, "e_0_1.traj").write_bytes(pickle.dumps(trajectory(0)))
    made.on_end_of_collection(None)

    with pytest.raises(NoTrajectories, match="1 files are gone or cannot be read"):
        made.sample_random_trajectory()
    assert 1 == made.stats()["unreadable"]


def test_drawn_by_steps_a_file_that_cannot_be_read_is_counted_too(tmp_path: Path) -> None:
    made = dataset(tmp_path, sample_by="steps")
    (path,) = write(made.fifo_path)
    Path(made.fifo_path, "env_f_2.npz").write_bytes(path.read_bytes()[:200])
    made.on_end_of_collection(None)

    assert {0} == firsts(made)
    assert 1 == made.stats()["unreadable"]


def test_a_trajectory_that_memory_does_not_hold_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = dataset(tmp_path)
    write(made.fifo_path)
    name = trajectory().save_to_disk(Path(made.fifo_path, "env_f_2"), "trajectory")
    made.on_end_of_collection(None)

    def too_much(self: Trajectory) -> None:
        raise MemoryError("1.46 TiB")

    monkeypatch.setattr(Trajectory, "freeze", too_much)
    assert {0} == firsts(made)
    assert 1 == made.stats()["unreadable"]
    assert f"{name}: 1.46 TiB" in caplog.text


def test_a_file_one_may_not_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "set" / "buffer" / "fifo")
    made = dataset(tmp_path)

    def refused(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "not yours")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(PermissionError):
        made.sample_random_trajectory()


def test_a_relabeler_gets_what_the_kind_of_file_holds(tmp_path: Path) -> None:
    seen: set[str] = set()

    def relabel(traj: Any) -> Any:
        seen.add(type(traj).__name__)
        return traj

    made = dataset(tmp_path, relabeler=relabel)
    write(made.fifo_path)
    trajectory().save_to_disk(Path(made.fifo_path, "e_0_1"), "trajectory")
    made.on_end_of_collection(None)
    firsts(made)

    assert {"Trajectory", "FrozenTraj"} == seen


@pytest.mark.parametrize("kind", ["npz", "trajectory"])
def test_a_relabeler_that_edits_in_place_never_edits_what_is_cached(tmp_path: Path, kind: str) -> None:
    def doubles(traj: Any) -> Any:
        if isinstance(traj, Trajectory):
            for step in traj:
                step.reward *= 2
        else:
            traj.rews *= 2
        return traj

    made = dataset(tmp_path, relabeler=doubles, cache_bytes=10**6)
    trajectory(4).save_to_disk(Path(made.fifo_path, "e_0_1"), kind)
    made.on_end_of_collection(None)

    for _ in range(3):
        assert [2, 4, 6, 8] == made.sample_random_trajectory().rews[:, 0].tolist()
    assert 2 == made.stats()["cache_hits"]


def test_hindsight_goals_come_out_of_a_dataset(tmp_path: Path) -> None:
    made = dataset(
        tmp_path,
        cache_bytes=10**6,
        relabeler=HindsightRelabeler(
            lambda obs: obs["x"] + 0.5, lambda got, goal: got == goal, goal_key="x", probability=1.0
        ),
    )
    write(made.fifo_path)
    made.on_end_of_collection(None)

    assert all(1 == made.sample_random_trajectory().rews[-1] for _ in range(5))


def test_with_one_seed_relabelling_does_not_depend_on_the_file(tmp_path: Path) -> None:
    made = dataset(
        tmp_path,
        relabeler=HindsightRelabeler(
            lambda obs: obs["x"],
            lambda got, goal: np.full(len(got), -9),
            "final",
            goal_key="x",
            probability=0.5,
            seed=0,
        ),
    )
    write(made.fifo_path, 2)
    made.pool.refresh()
    counts: Counter[tuple[str | None, bool]] = Counter()
    for _ in range(2000):
        drawn = made.sample_random_trajectory()
        counts[drawn.source, float(drawn.rews[0]) == -9] += 1

    assert surprise(list(counts.values()), [500] * 4) < 4  # drawn from one stream, two of them were 0


def test_the_cache_spares_reading_and_is_never_written_to(tmp_path: Path) -> None:
    made = dataset(tmp_path, cache_bytes=10**6, items=50)
    write(made.fifo_path, 2)
    made.on_end_of_collection(None)
    for part in made:
        part.rews.fill_(77)
        part.obs["x"].fill_(77)
    made.sample_random_trajectory().rews.fill_(77)

    assert {0, 1} == firsts(made)
    stats = made.stats()
    assert (2, 2, 109) == (stats["cached"], stats["cache_misses"], stats["cache_hits"])
    assert stats["cached_bytes"] > 0


def test_the_cache_sees_another_file_and_a_file_that_is_gone(tmp_path: Path) -> None:
    (path,) = write(tmp_path / "set" / "buffer" / "fifo")
    made = dataset(tmp_path, cache_bytes=10**6)
    assert {0} == firsts(made, 2)
    write(path.parent, first=5)  # the same name

    assert {5} == firsts(made, 2)
    path.unlink()
    with pytest.raises(NoTrajectories):
        made.sample_random_trajectory()
    assert 0 == made.stats()["cached"]


def test_deleting_leaves_the_folders_for_who_writes_on(tmp_path: Path) -> None:
    made = dataset(tmp_path)
    write(made.fifo_path, 2)
    write(made.protected_path, 2)
    made.on_end_of_collection(None)
    made.delete()

    assert [] == list(Path(made.fifo_path).iterdir())
    assert 2 == made.on_end_of_collection(None)["Total Trajectory Files in Replay Buffer"]
    write_now(made.fifo_path)
    assert 3 == made.on_end_of_collection(None)["Total Trajectory Files in Replay Buffer"]
    made.delete(delete_protected=True)
    assert not made.ready_for_training
    with pytest.raises(NotConfigured):
        DiskTrajDataset(tmp_path, "set", 3).delete()


@pytest.mark.parametrize(
    "wrong",
    [{"dset_max_size": -1}, {"dset_min_size": 1.5}, {"cache_bytes": None}, {"relabeler": "final"}],
)
def test_wrong_settings_are_told_and_make_no_folder(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong)).replace('cache', 'max')} must be"):
        DiskTrajDataset(tmp_path, "set", **{"dset_max_size": 3, **wrong})

    assert [] == list(tmp_path.iterdir())

"""The defects of AMAGO 3.3.0's loading module, each by its number, and that ours lacks them."""

from __future__ import annotations

import itertools
import os
import pickle
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from ding_buffer.trajectories import file_index
from ding_buffer.trajectories.disk_dataset import DiskTrajDataset
from ding_buffer.trajectories.frozen_traj import FrozenTraj
from ding_buffer.trajectories.idle_dataset import DoNothingDataset
from ding_buffer.trajectories.mixture import MixtureOfDatasets
from ding_buffer.trajectories.pad_collate import RLData_pad_collate
from ding_buffer.trajectories.rl_data import RLData
from ding_buffer.trajectories.rl_dataset import RLDataset
from ding_buffer.trajectories.traj_file import get_path_to_trajs, load_traj_from_disk
from ding_buffer.trajectories.trajectory import Trajectory
from ding_buffer.trajectories.trajectory_errors import CorruptTrajectory, NotConfigured, NoTrajectories
from tests.trajectories.made import frozen_traj, rl_data, timestep, trajectory, write

ROOT = Path(__file__).resolve().parents[2]


class Stored(RLDataset):
    """Returns what it stores, as the original's examples do."""

    save_new_trajs_to = None

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.stored = rl_data(10)

    def get_description(self) -> str:
        return ""

    def sample_random_trajectory(self) -> RLData:
        return self.stored


def configured(dataset: Any, items: int = 8, length: int | None = 3, rights: bool = True) -> Any:
    dataset.configure(items, length, "both", rights)
    return dataset


def disk(root: Path, size: int = 3, **more: Any) -> DiskTrajDataset:
    made: DiskTrajDataset = configured(DiskTrajDataset(root, "set", size, **{"seed": 0, **more}))
    return made


class Runs:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


def test_1_a_crafted_trajectory_file_runs_nothing_in_fifo_or_protected(tmp_path: Path) -> None:
    made, mark = disk(tmp_path), tmp_path / "PWNED"
    for folder in (made.fifo_path, made.protected_path):
        Path(folder, "env_0_1.traj").write_bytes(pickle.dumps(Runs(f"touch {mark}")))
        with pytest.raises(CorruptTrajectory, match="which no trajectory needs"):
            load_traj_from_disk(Path(folder, "env_0_1.traj"))
    made.on_end_of_collection(None)

    with pytest.raises(NoTrajectories):
        made.sample_random_trajectory()
    assert not mark.exists()


def test_1_allowed_names_are_exact_and_numpy_is_not_one_of_them() -> None:
    from ding_buffer.trajectories.traj_unpickler import unpickle_trajectory

    for module, name in [
        ("numpy.testing._private.utils", "runstring"),
        ("numpy", "load"),
        ("amago.hindsight", "pickle"),
        ("builtins", "eval"),
    ]:
        with pytest.raises(CorruptTrajectory, match=rf"asks for {module}.{name}"):
            unpickle_trajectory(f"c{module}\n{name}\n.".encode())


def test_2_a_file_is_under_its_name_only_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,180 of 1,563 reads beside a writer failed; see test_disk_dataset_processes.py for two processes."""
    seen: list[list[str]] = []
    inner = np.savez

    def watched(file: Any, **arrays: Any) -> None:
        inner(file, **arrays)
        seen.append([path.suffix for path in tmp_path.iterdir()])

    monkeypatch.setattr(np, "savez", watched)
    name = frozen_traj().save_to_disk(tmp_path / "env_0_1")

    assert [[".part"]] == seen
    assert 5 == len(load_traj_from_disk(name))


def test_3_files_that_another_process_deletes_stop_nothing(tmp_path: Path) -> None:
    made = disk(tmp_path, size=2)
    paths = write(made.fifo_path, 5)
    made.pool.refresh()
    for path in (*paths[:2], paths[4]):
        path.unlink()

    assert {5} == {len(made.sample_random_trajectory()) for _ in range(20)}
    assert made.stats()["gone"] >= 1
    metrics = made.on_end_of_collection(None)
    assert 2 == metrics["Total Trajectory Files in Replay Buffer"]
    made.pool.fifo.files[paths[0].name] = file_index.TrajFile(0.0, paths[0].name, 1)  # a stale list
    assert 1 == made.pool.fifo.evict(2)


def test_4_badly_named_files_are_reported_once_and_never_crash(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = disk(tmp_path, size=2)
    strange = ("expert demo.npz", "demo_by_hand.npz")
    for name in strange:
        write(made.fifo_path)[0].rename(Path(made.fifo_path, name))
    write(made.fifo_path)[0].rename(Path(made.fifo_path, "my_env_0a1b_5.0.npz"))
    for epoch in range(1, 5):  # above its size from the second on
        write(made.fifo_path, begin=epoch * 10.0)
        made.on_end_of_collection(SimpleNamespace(epoch=epoch))

    assert 2 == len(made.pool)
    for name in strange:
        assert 1 == len([record for record in caplog.records if name in record.message])
    assert "my_env" not in caplog.text


def test_4_files_of_the_same_time_go_in_the_order_of_their_names(tmp_path: Path) -> None:
    made = disk(tmp_path, size=1)
    for name in "cab":
        write(made.fifo_path)[0].rename(Path(made.fifo_path, f"env_{name}_7.0.npz"))
    made.on_end_of_collection(None)

    assert ["env_c_7.0.npz"] == [path.name for path in Path(made.fifo_path).iterdir()]


def test_5_the_minimum_is_enough_to_be_ready(tmp_path: Path) -> None:
    write(get_path_to_trajs(tmp_path, "set", fifo=True))

    assert disk(tmp_path).ready_for_training
    assert not disk(tmp_path, dset_min_size=2).ready_for_training


@pytest.mark.parametrize("mode", ["both", "right"])
@pytest.mark.parametrize("length", [1, 4])
def test_5_slices_reach_the_last_action(mode: str, length: int) -> None:
    """With L=1 it was never drawn; the distribution is tested in test_rl_data.py."""
    rng, data = np.random.default_rng(0), rl_data(10)
    parts = [data.random_slice(length, mode, rng=rng) for _ in range(2000)]
    starts = {int(part.time_idxs[0]) for part in parts}
    share = np.mean([int(part.time_idxs[-1]) == 10 for part in parts])

    assert 9 in starts
    assert pytest.approx(length / (13 if mode == "both" and length == 4 else 10), abs=0.04) == share


def test_6_a_true_step_that_looks_like_a_fill_is_not_masked_out() -> None:
    real, short = rl_data(3), rl_data(1)
    real.rews[:], real.actions[:], real.rl2s[1:] = 4.0, 4.0, 4.0
    batch: Any = RLData_pad_collate([real, short])
    sentinel = ~(batch.rl2s == 4.0).all(-1)[:, 1:]

    assert [False, False, False] == sentinel[0].tolist()
    assert [True, True, True] == batch.mask[0, :, 0].tolist()
    assert [True, False, False] == batch.mask[1, :, 0].tolist()
    assert [3, 1] == batch.lengths.tolist()


def test_7_what_a_dataset_stores_is_never_cut() -> None:
    dataset = configured(Stored())
    parts = [dataset[0] for _ in range(20)]

    assert max(len(part) for part in parts) <= 3
    assert rl_data(10) == dataset.stored


def test_8_iterating_ends_and_truth_and_equality_are_answers() -> None:
    dataset = configured(Stored(), items=5)

    assert 5 == len(list(itertools.islice(dataset, 50)))
    with pytest.raises(IndexError):
        dataset[5]
    assert bool(Stored())
    assert rl_data(3) == rl_data(3)
    given = rl_data(3)
    with pytest.raises(ValueError, match="rows"):
        RLData(given.obs, given.rews[:2], given.dones, given.actions, given.time_idxs)


def test_9_a_trajectory_without_timesteps_takes_them() -> None:
    traj = Trajectory()
    traj.add_timestep(timestep(0))

    assert 1 == len(traj)
    assert 0 == len(Trajectory())


def test_10_a_mixture_is_configured_directly_too() -> None:
    assert 3 >= len(configured(MixtureOfDatasets([Stored()], [1.0]))[0])


def test_10_a_mixture_of_which_none_is_ready_says_so() -> None:
    made = configured(MixtureOfDatasets([DoNothingDataset()], [1.0]))

    assert not made.ready_for_training
    with pytest.raises(NoTrajectories, match="None of the datasets DoNothingDataset is ready"):
        made[0]


def test_10_smoothing_over_no_epochs_is_none_and_negative_weights_are_refused() -> None:
    made = configured(MixtureOfDatasets([Stored()], [1.0], smooth_sudden_starts=0))
    made.update_dset_weights(3)

    assert [1.0] == made.current_weights
    with pytest.raises(ValueError, match="must be a number in"):
        MixtureOfDatasets([Stored(), Stored()], [1.5, -0.5])


def test_10_datasets_of_the_same_name_have_metrics_of_their_own() -> None:
    made = configured(MixtureOfDatasets([Stored("a"), Stored("a"), Stored("a 2")], [0.5, 0.25, 0.25]))
    metrics = made.on_end_of_collection(SimpleNamespace(epoch=1))
    shares = {key: value for key, value in metrics.items() if key.endswith("Current Sample Weight")}

    assert [0.5, 0.25, 0.25] == list(shares.values())


def test_10_a_dataset_that_empties_again_loses_its_weight(tmp_path: Path) -> None:
    files = disk(tmp_path)
    paths = write(files.fifo_path, 2)
    files.pool.refresh()
    made = configured(MixtureOfDatasets([files, Stored()], [0.9, 0.1], seed=0))
    assert [0.9, 0.1] == made.current_weights
    for path in paths:
        path.unlink()

    assert {10} == {len(made.sample_random_trajectory()) for _ in range(20)}
    made.on_end_of_collection(SimpleNamespace(epoch=1))
    assert [0.0, 0.1] == made.current_weights


def test_11_after_delete_collection_and_writers_go_on(tmp_path: Path) -> None:
    made = disk(tmp_path)
    write(made.fifo_path, 2)
    made.on_end_of_collection(None)
    made.delete(delete_protected=True)

    assert 0 == made.on_end_of_collection(None)["Total Trajectory Files in Replay Buffer"]
    for folder in (made.fifo_path, made.protected_path):  # what deletes the original leaves
        Path(folder).rmdir()
    frozen_traj().save_to_disk(Path(made.fifo_path, "env_0_1.0"))
    assert 1 == made.on_end_of_collection(None)["Total Trajectory Files in Replay Buffer"]


def test_11_the_end_of_a_collection_before_configuring_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="Dataset not configured"):
        DiskTrajDataset(tmp_path, "set", 3).on_end_of_collection(None)


def test_12_a_cached_file_is_not_read_again_and_the_flat_form_is_no_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = disk(tmp_path, cache_bytes=10**7)
    write(made.fifo_path, 3)
    made.on_end_of_collection(None)
    from ding_buffer.trajectories import disk_dataset

    read: list[Any] = []
    inner = load_traj_from_disk

    def watched(path: Any) -> Any:
        read.append(path)
        return inner(path)

    monkeypatch.setattr(disk_dataset, "load_traj_from_disk", watched)
    for _ in range(60):
        made.sample_random_trajectory()

    assert 3 == len(read)
    traj = frozen_traj()
    assert all(value is traj.obs[key] for key, value in FrozenTraj.from_dict(traj.to_dict()).obs.items())


def test_12_an_epoch_lists_each_folder_at_most_once_and_asks_new_files_only_for_their_size(
    tmp_path: Path,
) -> None:
    made = disk(tmp_path, size=50)
    write(made.fifo_path, 40)
    made.on_end_of_collection(None)
    write(made.fifo_path, 20, begin=2e9)
    before = made.pool.fifo.listings
    known = dict(made.pool.fifo.files)
    metrics = made.on_end_of_collection(None)

    assert 1 == made.pool.fifo.listings - before
    assert 10 == metrics["Trajectory Files Deleted"]
    assert all(known[name] is file for name, file in made.pool.fifo.files.items() if name in known)
    for folder in (made.fifo_path, made.protected_path):
        os.utime(folder, (1.0, 1.0))
    made.on_end_of_collection(None)
    before = made.pool.fifo.listings
    made.on_end_of_collection(None)
    assert before == made.pool.fifo.listings


def test_12_the_number_of_deleted_files_is_never_negative(tmp_path: Path) -> None:
    made = disk(tmp_path, size=5)
    write(made.fifo_path, 2)
    made.on_end_of_collection(None)

    def files_arrive() -> None:
        write(made.fifo_path, 3, begin=2e9)

    told = SimpleNamespace(is_main_process=False, wait_for_everyone=files_arrive)
    assert 0 == made.on_end_of_collection(SimpleNamespace(accelerator=told))["Trajectory Files Deleted"]


def test_12_paths_are_absolute_and_names_stay_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = DiskTrajDataset("here", "set", 3)
    write(made.fifo_path)
    made.pool.refresh()
    monkeypatch.chdir("/")

    assert str(tmp_path / "here" / "set" / "buffer" / "fifo") == made.save_new_trajs_to
    assert 5 == len(made.sample_random_trajectory())
    with pytest.raises(ValueError, match="inside dset_root"):
        DiskTrajDataset(tmp_path, "../set", 3)


def test_13_importing_brings_torch_and_none_of_the_training_libraries() -> None:
    code = (
        "import sys\n"
        "from ding_buffer.trajectories import DiskTrajDataset, MixtureOfDatasets\n"
        "heavy = ('gin', 'accelerate', 'wandb', 'gym', 'gymnasium', 'minari', 'pandas')\n"
        "print([name for name in heavy if name in sys.modules], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "[] True" == done.stdout.strip()


def test_the_one_step_trajectory_of_the_contract_cannot_be_frozen() -> None:
    with pytest.raises(ValueError, match="no transition to freeze"):
        trajectory(0).freeze()

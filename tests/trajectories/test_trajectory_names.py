"""The names of the room, and what asking for them brings along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ding_buffer import trajectories

ROOT = Path(__file__).resolve().parents[2]
NEED_TORCH = {
    "Batch",
    "BufferTrajDataset",
    "DiskTrajDataset",
    "DoNothingDataset",
    "MAGIC_PAD_VAL",
    "MixtureOfDatasets",
    "RLData",
    "RLData_pad_collate",
    "RLDataset",
}
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None\n"


def said(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return done.stdout.splitlines()


def test_the_names_of_the_original_are_there() -> None:
    assert set(trajectories.__all__) >= {
        "Batch",
        "DiskTrajDataset",
        "DoNothingDataset",
        "FrozenTraj",
        "MAGIC_PAD_VAL",
        "MixtureOfDatasets",
        "NoOpRelabeler",
        "RLData",
        "RLData_pad_collate",
        "RLDataset",
        "Relabeler",
        "Timestep",
        "Trajectory",
        "get_path_to_trajs",
        "load_traj_from_disk",
        "split_batched_timestep",
    }


@pytest.mark.parametrize("name", sorted(set(trajectories.__all__) - {"MAGIC_PAD_VAL"}))
def test_every_name_gives_what_it_says(name: str) -> None:
    if name in NEED_TORCH:
        pytest.importorskip("torch")
    assert name == getattr(trajectories, name).__name__


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Experiment'"):
        trajectories.Experiment  # noqa: B018


def test_asking_for_nothing_imports_nothing() -> None:
    code = (
        "import sys, ding_buffer.trajectories\n"
        "print(*[name for name in sys.modules if name.startswith('ding_buffer.trajectories.')], 'end')\n"
        "print('torch' in sys.modules)"
    )

    assert ["end", "False"] == said(code)


def test_an_actor_records_without_torch(tmp_path: Path) -> None:
    code = (
        f"{WITHOUT_TORCH}import numpy as np\n"
        "from ding_buffer.trajectories import (Timestep, Trajectory, HindsightRelabeler,\n"
        "    NoOpRelabeler, get_path_to_trajs, load_traj_from_disk, new_traj_path, save_arrays,\n"
        "    save_minari, save_rollouts)\n"
        "one = np.zeros(1)\n"
        "traj = Trajectory([Timestep({'x': one}, one[None], one, one, one)] * 3)\n"
        f"print(len(load_traj_from_disk(traj.save_to_disk(new_traj_path({str(tmp_path)!r}, 'env')))))"
    )

    assert ["2"] == said(code)

"""Trajectories on disk and in memory, drawn from in slices: AMAGO's loading module.

::

    from ding_buffer.trajectories import DiskTrajDataset, MixtureOfDatasets, RLData_pad_collate

    replay = DiskTrajDataset(root, "replay", dset_max_size=10_000)        # actors write to save_new_trajs_to
    demos = DiskTrajDataset(root, "demos", dset_max_size=0)               # files in protected/ stay
    mixture = MixtureOfDatasets([replay, demos], [0.8, 0.2], smooth_sudden_starts=10)
    mixture.configure(items_per_epoch=6400, max_seq_len=128, padded_sampling="both", has_edit_rights=True)
    for batch in DataLoader(mixture, batch_size=64, num_workers=2, collate_fn=RLData_pad_collate):
        loss = (batch.mask * error(policy, batch)).sum()                  # batch.rews: (64, 128, 1)
    mixture.on_end_of_collection(experiment)                              # new files in, the oldest out

An actor writes ``Trajectory(timesteps).save_to_disk(new_traj_path(folder, env_name))`` and needs no torch;
``save_rollouts``, ``save_arrays`` and ``save_minari`` make files of what is there already.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ding_buffer.trajectories.disk_dataset import DiskTrajDataset
    from ding_buffer.trajectories.from_arrays import save_arrays
    from ding_buffer.trajectories.from_minari import save_minari
    from ding_buffer.trajectories.from_rollouts import save_rollouts
    from ding_buffer.trajectories.frozen_traj import FrozenTraj
    from ding_buffer.trajectories.hindsight_relabeler import HindsightRelabeler
    from ding_buffer.trajectories.idle_dataset import DoNothingDataset
    from ding_buffer.trajectories.memory_dataset import BufferTrajDataset
    from ding_buffer.trajectories.mixture import MixtureOfDatasets
    from ding_buffer.trajectories.pad_collate import MAGIC_PAD_VAL, Batch, RLData_pad_collate
    from ding_buffer.trajectories.relabeler import NoOpRelabeler, Relabeler
    from ding_buffer.trajectories.rl_data import RLData
    from ding_buffer.trajectories.rl_dataset import RLDataset
    from ding_buffer.trajectories.timestep import Timestep, split_batched_timestep
    from ding_buffer.trajectories.traj_file import get_path_to_trajs, load_traj_from_disk, new_traj_path
    from ding_buffer.trajectories.trajectory import Trajectory

_HOMES = {
    "Batch": "pad_collate",
    "BufferTrajDataset": "memory_dataset",
    "DiskTrajDataset": "disk_dataset",
    "DoNothingDataset": "idle_dataset",
    "FrozenTraj": "frozen_traj",
    "HindsightRelabeler": "hindsight_relabeler",
    "MAGIC_PAD_VAL": "pad_collate",
    "MixtureOfDatasets": "mixture",
    "NoOpRelabeler": "relabeler",
    "RLData": "rl_data",
    "RLData_pad_collate": "pad_collate",
    "RLDataset": "rl_dataset",
    "Relabeler": "relabeler",
    "Timestep": "timestep",
    "Trajectory": "trajectory",
    "get_path_to_trajs": "traj_file",
    "load_traj_from_disk": "traj_file",
    "new_traj_path": "traj_file",
    "save_arrays": "from_arrays",
    "save_minari": "from_minari",
    "save_rollouts": "from_rollouts",
    "split_batched_timestep": "timestep",
}

__all__ = [
    "MAGIC_PAD_VAL",
    "Batch",
    "BufferTrajDataset",
    "DiskTrajDataset",
    "DoNothingDataset",
    "FrozenTraj",
    "HindsightRelabeler",
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
    "new_traj_path",
    "save_arrays",
    "save_minari",
    "save_rollouts",
    "split_batched_timestep",
]


def __getattr__(name: str) -> Any:
    """Imports what is asked for, when it is first asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"ding_buffer.trajectories.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

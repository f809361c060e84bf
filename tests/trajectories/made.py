"""Trajectories for the tests, in which every number says where it stands."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ding_buffer.trajectories.frozen_traj import FrozenTraj
from ding_buffer.trajectories.timestep import Timestep
from ding_buffer.trajectories.traj_file import new_traj_path
from ding_buffer.trajectories.trajectory import Trajectory

if TYPE_CHECKING:
    from ding_buffer.trajectories.rl_data import RLData


def frozen_traj(steps: int = 5, first: float = 0.0, actions: int = 2) -> FrozenTraj:
    """Observation and time t are ``first + t``, reward and actions of transition t too."""
    count = np.arange(steps + 1, dtype=np.float32)[:, None] + first
    rl2s = np.zeros((steps + 1, 1 + actions), np.float32)
    rl2s[1:] = count[:-1]
    return FrozenTraj(
        obs={"x": count.copy(), "pixels": np.tile(count[:, :, None], (1, 2, 3)).astype(np.uint8)},
        rl2s=rl2s,
        time_idxs=count.astype(np.int64),
        rews=count[:-1].copy(),
        dones=(np.arange(steps) == steps - 1)[:, None],
        actions=np.repeat(count[:-1], actions, axis=1),
    )


def rl_data(steps: int = 5, first: float = 0.0) -> RLData:
    from ding_buffer.trajectories.rl_data import RLData

    return RLData.from_frozen(frozen_traj(steps, first))


def timestep(time: int, **changes: Any) -> Timestep:
    """Of a single env, its reward being its time."""
    parts = {
        "obs": {"x": np.array([[time]], np.float32)},
        "prev_action": np.array([[time, -time]], np.float32),
        "reward": np.array([time], np.float64),
        "time_idx": np.array([time]),
        "terminal": np.array([False]),
    }
    return Timestep(**{**parts, **changes})


def trajectory(steps: int = 5) -> Trajectory:
    return Trajectory([timestep(time) for time in range(steps + 1)])


def write(folder: Any, count: int = 1, steps: int = 5, first: float = 0.0, begin: float = 1e9) -> list[Path]:
    """Writes files that are a second apart."""
    return [
        Path(frozen_traj(steps, first + place).save_to_disk(Path(folder, f"env_{place:08x}_{begin + place}")))
        for place in range(count)
    ]


def write_now(folder: Any, **kind: Any) -> Path:
    return Path(frozen_traj(**kind).save_to_disk(new_traj_path(folder)))


def opened_in(folder: Path) -> list[Path]:
    """The files of a folder that this process holds open, as Linux tells; of others nothing is known."""
    opened = []
    for descriptor in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):  # the one that looks, and what another thread closes
            opened.append(descriptor.readlink())
    return sorted(path for path in opened if folder in path.parents)


def same(one: Any, other: Any) -> bool:
    mine, theirs = one.to_dict(), other.to_dict()
    return mine.keys() == theirs.keys() and all(np.array_equal(mine[key], theirs[key]) for key in mine)

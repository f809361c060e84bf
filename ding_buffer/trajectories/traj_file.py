"""Trajectory files: where they lie, how they are named, how they are read."""

from __future__ import annotations

import errno
import math
import secrets
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path, PurePath

import numpy as np

from ding_buffer.core.errors import BadArgument
from ding_buffer.trajectories.frozen_traj import FrozenTraj
from ding_buffer.trajectories.traj_unpickler import unpickle_trajectory
from ding_buffer.trajectories.trajectory import Trajectory
from ding_buffer.trajectories.trajectory_errors import BadTrajectory, CorruptTrajectory

EXTENSIONS = (".npz", ".traj")


def get_path_to_trajs(dset_root: str | PathLike[str], dset_name: str, fifo: bool) -> str:
    """Returns the folder of a dataset for what comes and goes (``fifo``) or for what stays.

    Raises ``BadArgument`` for a name that leads out of ``dset_root``.
    """
    parts = PurePath(dset_name).parts if isinstance(dset_name, str) else ()
    if not parts or ".." in parts or PurePath(dset_name).is_absolute():
        raise BadArgument(f"dset_name must be the name of a folder inside dset_root, got {dset_name!r}.")
    return str(Path(dset_root, dset_name, "buffer", "fifo" if fifo else "protected"))


def new_traj_path(folder: str | PathLike[str], env_name: str = "env") -> str:
    """Returns the path of a new trajectory file, without extension, as AMAGO names them.

    That is ``<env>_<8 hex digits>_<unix time>``: by the time a dataset knows the oldest.
    """
    plain = "".join(letter for letter in env_name.strip() if letter not in "_/\\\0") or "env"
    return str(Path(folder, f"{plain}_{secrets.token_hex(4)}_{time.time()}"))


def time_in_name(name: str) -> float | None:
    """Returns the unix time in ``<env>_<id>_<unix time>.npz``, or None for a name of another form."""
    pieces = PurePath(name).stem.rsplit("_", 2)
    try:
        found = float(pieces[2])
    except (IndexError, ValueError):
        return None
    return found if math.isfinite(found) else None


def load_traj_from_disk(path: str | PathLike[str]) -> Trajectory | FrozenTraj:
    """Reads a trajectory: ``.npz`` gives a ``FrozenTraj``, ``.traj`` a ``Trajectory``.

    Nothing in a file is ever executed, but a hostile one can take a lot of memory. Raises
    ``CorruptTrajectory`` where it is damaged, foreign or does not fit into memory, ``BadArgument`` for
    another extension, ``OSError`` where it cannot be read.
    """
    kind = Path(path).suffix
    if kind not in EXTENSIONS:
        raise BadArgument(f"Unrecognized trajectory file extension `{kind}` for path `{path}`.")
    try:
        if kind == ".traj":
            return unpickle_trajectory(Path(path).read_bytes())
        return _load_npz(path)
    except CorruptTrajectory as error:
        raise CorruptTrajectory(f"{path}: {error}") from error


def steps_in_file(path: str | PathLike[str]) -> int:
    """Returns the number of transitions in a file; of ``.npz`` only a few bytes are read."""
    if Path(path).suffix == ".npz":
        with (
            Path(path).open("rb") as file,
            _telling_damage(f"{path}: "),
            zipfile.ZipFile(file) as archive,
            archive.open("actions.npy") as member,
        ):
            if np.lib.format.read_magic(member) == (1, 0):
                steps = int(np.lib.format.read_array_header_1_0(member)[0][0])
                if not 0 <= steps <= archive.getinfo("rews.npy").file_size:
                    raise BadTrajectory(f"it says that it has {steps} steps, for which it is too small.")
                return steps
    loaded = load_traj_from_disk(path)
    return len(loaded) - 1 if isinstance(loaded, Trajectory) else len(loaded)


def _load_npz(path: str | PathLike[str]) -> FrozenTraj:
    with Path(path).open("rb") as file, _telling_damage(), np.load(file, allow_pickle=False) as archive:
        return FrozenTraj.from_dict({key: archive[key] for key in archive})


@contextmanager
def _telling_damage(where: str = "") -> Iterator[None]:
    """Calls damaged what zip files and numpy complain of, and leaves alone what the system says."""
    try:
        yield
    except Exception as error:
        # Whoever made such a file up can make it raise anything, MemoryError as well. An error of the system
        # has a number, but EINVAL is what it says of an offset that stands in the file.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise CorruptTrajectory(
            f"{where}it is damaged, or no trajectory: {type(error).__name__}: {error}"
        ) from error

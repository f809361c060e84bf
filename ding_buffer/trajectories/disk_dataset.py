"""Trajectories in files, which other processes write."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

from ding_buffer.core.number_checks import check_whole
from ding_buffer.trajectories.file_index import GONE
from ding_buffer.trajectories.file_pool import FilePool
from ding_buffer.trajectories.frozen_traj import FrozenTraj
from ding_buffer.trajectories.relabeler import NoOpRelabeler, frozen, relabeler_of
from ding_buffer.trajectories.rl_data import RLData
from ding_buffer.trajectories.rl_dataset import RLDataset
from ding_buffer.trajectories.shared_counts import SharedCounts
from ding_buffer.trajectories.traj_cache import TrajCache
from ding_buffer.trajectories.traj_file import get_path_to_trajs, load_traj_from_disk
from ding_buffer.trajectories.trajectory import Trajectory
from ding_buffer.trajectories.trajectory_errors import CorruptTrajectory, NoTrajectories

_LOG = logging.getLogger("ding_buffer")
_LOOKS = 10
"""How often a folder in which nothing is left is looked at before that is an error."""


class DiskTrajDataset(RLDataset):
    """A first-in-first-out buffer of trajectory files.

    ::

        dset_root/dset_name/buffer/fifo/          what actors write; the oldest above dset_max_size go
        dset_root/dset_name/buffer/protected/     demonstrations; never counted against that, never deleted

    Both folders are made. With ``dset_max_size=0`` it is a dataset of demonstrations alone: actors do not
    write to it, so it can be mixed with one they write to. It is ready with ``dset_min_size`` files, of both
    folders together. ``relabeler`` is a ``Relabeler`` or any callable of its kind.

    ``sample_by`` draws each file with the same probability ("files") or each step ("steps"); ``stratified``
    spreads the draws over all files or steps, see ``MassDraw``. ``cache_bytes`` keeps that much of decoded
    trajectories in memory; each loader worker has a cache of its own, so let workers persist: they see new
    files when ``on_end_of_collection`` has seen them.

    A file that another process has deleted is skipped and counted, so is one that cannot be read, which is
    also logged and tried again after ``on_end_of_collection``; ``stats`` has the counts.
    """

    def __init__(
        self,
        dset_root: str | PathLike[str],
        dset_name: str,
        dset_max_size: int,
        dset_min_size: int = 1,
        relabeler: Callable[[Any], Any] | None = None,
        *,
        sample_by: str = "files",
        stratified: bool = False,
        cache_bytes: int = 0,
        seed: int | None = None,
    ) -> None:
        super().__init__(dset_name, seed=seed)
        check_whole("dset_max_size", dset_max_size, 0)
        check_whole("dset_min_size", dset_min_size, 0)
        self.dset_max_size, self.dset_min_size = dset_max_size, dset_min_size
        self.relabeler = relabeler_of(relabeler)
        self.cache = TrajCache(cache_bytes)
        self.fifo_path, self.protected_path = (
            str(Path(get_path_to_trajs(dset_root, dset_name, fifo=fifo)).absolute()) for fifo in (True, False)
        )
        self.pool = FilePool(Path(self.fifo_path), Path(self.protected_path), sample_by, stratified)
        self.pool.refresh()
        self._counts = SharedCounts(("drawn", "gone", "unreadable", "collections"))
        self._collections = 0  # that this process has seen
        self._told: set[Path] = set()

    @property
    def save_new_trajs_to(self) -> str | None:
        """The folder of what comes and goes, or None where nothing of that is kept."""
        return self.fifo_path if self.dset_max_size else None

    @property
    def ready_for_training(self) -> bool:
        """Whether it is configured and ``dset_min_size`` files are known, and one at least."""
        return self.configured and len(self.pool) >= max(self.dset_min_size, 1)

    def get_description(self) -> str:
        """Returns folders, sizes and settings in words."""
        self.check_configured()
        return (
            f"DiskTrajDataset {self.dset_name}\n"
            f"  FIFO Buffer Path: {self.fifo_path}\n"
            f"  Protected Buffer Path: {self.protected_path}\n"
            f"  FIFO Buffer Max Size: {self.dset_max_size}\n"
            f"  FIFO Buffer Initial Size: {len(self.pool.fifo.files)}\n"
            f"  Protected Buffer Initial Size: {len(self.pool.protected.files)}\n"
            f"  Trajectory File Max Sequence Length: {self.max_seq_len}\n"
            f"  Trajectory Padded Sampling: {self.padded_sampling}\n"
            f"  Sampled By: {self.pool.sample_by}{', stratified' if self.pool.stratified else ''}\n"
        )

    def sample_random_trajectory(self) -> RLData:
        """Returns a random file's trajectory; raises ``NoTrajectories`` where there is none."""
        drawn = self.draw_shared()
        return drawn.copy() if self.cache.max_bytes else drawn

    def draw_shared(self) -> RLData:
        """Returns the same, in memory that the cache may hold."""
        if self._collections != self._counts.own("collections"):  # in a worker that lives longer than a pass
            self._collections = self._counts.own("collections")
            self.pool.refresh()
        looks = _LOOKS
        while True:
            try:
                path = self.pool.draw(self.generator())
            except NoTrajectories:
                looks -= 1
                if not looks:
                    raise
                self.pool.refresh(forgive=False)  # all went while they were listed: look again
                continue
            try:
                traj = self._load(path)
            except OSError as error:
                if error.errno not in GONE:
                    raise
                self._counts.add("gone")
                self.cache.drop(path)
                self.pool.leave_out(path)
                self.pool.refresh(forgive=False)  # whoever deletes seldom deletes one
                looks = _LOOKS
                continue
            except CorruptTrajectory as error:
                self._counts.add("unreadable")
                self.pool.leave_out(path)
                if path not in self._told:
                    self._told.add(path)
                    _LOG.warning("A trajectory file is skipped: %s", error)
                continue
            self._counts.add("drawn")
            return RLData.from_frozen(frozen(self.relabeler(traj)), source=str(path))

    def on_end_of_collection(self, experiment: Any) -> dict[str, Any]:
        """Looks for new files, deletes the oldest above ``dset_max_size`` and returns metrics.

        Without edit rights nothing is deleted and there are no metrics. Of several processes the main one of
        ``experiment.accelerator`` deletes while the others wait.
        """
        self.check_configured()
        self.pool.refresh()
        if not self.has_edit_rights:
            self._announce()
            return {}
        accelerator = getattr(experiment, "accelerator", None)
        before = self.pool.dropped
        if accelerator is not None:
            accelerator.wait_for_everyone()
        if accelerator is None or accelerator.is_main_process:
            self.pool.fifo.sweep()
            if self.pool.fifo.evict(self.dset_max_size):
                self.pool.reconsider()
        if accelerator is not None:
            accelerator.wait_for_everyone()
            if not accelerator.is_main_process:
                self.pool.refresh()
        self._announce()
        return {
            "Trajectory Files Saved in FIFO Replay Buffer": len(self.pool.fifo.files),
            "Trajectory Files Saved in Protected Replay Buffer": len(self.pool.protected.files),
            "Total Trajectory Files in Replay Buffer": len(self.pool),
            "Trajectory Files Deleted": self.pool.dropped - before,
            "Buffer Disk Space (GB)": self.pool.nbytes * 1e-9,
        }

    def delete(self, delete_protected: bool = False) -> None:
        """Deletes the files that come and go, and with ``delete_protected`` those that stay.

        The folders remain: actors may go on writing.
        """
        self.check_configured()
        self.pool.fifo.delete()
        if delete_protected:
            self.pool.protected.delete()
        self.pool.reconsider()

    def stats(self) -> dict[str, int]:
        """Returns counts of what was drawn and skipped, loader workers included, and of the cache here."""
        return {
            **self._counts.totals(),
            "badly_named": self.pool.fifo.badly_named,
            "cached": len(self.cache),
            "cached_bytes": self.cache.nbytes,
            "cache_hits": self.cache.hits,
            "cache_misses": self.cache.misses,
        }

    def _announce(self) -> None:
        """Tells loader workers that live on that there may be other files."""
        self._counts.add("collections")
        self._collections = self._counts.own("collections")

    def _load(self, path: Path) -> Trajectory | FrozenTraj:
        """Returns a trajectory that the relabeler may have."""
        if not self.cache.max_bytes:
            return self._read(path)
        found = path.stat()
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        traj: Trajectory | FrozenTraj | None = self.cache.get(path, stamp)
        if traj is None:
            traj = self._read(path)
            self.cache.put(path, stamp, traj)
        if getattr(self.relabeler, "edits_in_place", True):
            return copy.deepcopy(traj)
        return traj

    def _read(self, path: Path) -> Trajectory | FrozenTraj:
        traj = load_traj_from_disk(path)
        if len(traj) <= isinstance(traj, Trajectory):
            raise CorruptTrajectory(f"{path}: it has no transition.")
        try:
            return frozen(traj) if isinstance(self.relabeler, NoOpRelabeler) else traj
        except MemoryError as error:  # a .traj may name one array many times
            raise CorruptTrajectory(f"{path}: {error}") from error

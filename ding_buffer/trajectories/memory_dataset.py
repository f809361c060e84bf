"""Trajectories in a buffer, whatever its layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ding_buffer.core.buffer import Buffer
from ding_buffer.core.errors import NotEnoughItems
from ding_buffer.core.number_checks import check_whole
from ding_buffer.trajectories.draw_source import worker_info
from ding_buffer.trajectories.frozen_traj import FrozenTraj
from ding_buffer.trajectories.relabeler import frozen, relabeler_of
from ding_buffer.trajectories.rl_data import RLData
from ding_buffer.trajectories.rl_dataset import RLDataset
from ding_buffer.trajectories.trajectory import Trajectory
from ding_buffer.trajectories.trajectory_errors import BadTrajectory, NoTrajectories


class BufferTrajDataset(RLDataset):
    """A dataset of what a buffer holds: each item is a trajectory.

    That is a ``FrozenTraj``, a ``Trajectory``, an ``RLData``, or a mapping of arrays as
    ``FrozenTraj.to_dict`` gives it. Each draw is one ``buffer.sample(1, **query)`` through all layers;
    ``source`` of what is drawn is the index of the item, so ``buffer.update(batch.sources, meta={"priority":
    ...})`` finds it. Items are never edited. A relabeler does not see an ``RLData``.

    Loader workers draw from copies of the buffer as it was when they began; what layers count there does not
    come back. What is drawn follows from the seed of the buffer, which the processes of an experiment should
    not share.
    """

    def __init__(
        self,
        buffer: Buffer,
        dset_name: str | None = None,
        *,
        dset_min_size: int = 1,
        relabeler: Callable[[Any], Any] | None = None,
        query: Mapping[str, Any] | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(dset_name, seed=seed)
        check_whole("dset_min_size", dset_min_size, 0)
        self.buffer, self.dset_min_size = buffer, dset_min_size
        self.relabeler = relabeler_of(relabeler)
        self.query = dict(query or {})
        self._worker: int | None = None

    @property
    def save_new_trajs_to(self) -> None:
        """Nowhere: push to the buffer."""

    @property
    def ready_for_training(self) -> bool:
        """Whether it is configured and the buffer holds ``dset_min_size`` items, and one at least."""
        return self.configured and len(self.buffer) >= max(self.dset_min_size, 1)

    def get_description(self) -> str:
        """Returns the buffer in words."""
        return f"BufferTrajDataset {self.dset_name} of {self.buffer!r}\n"

    def on_end_of_collection(self, experiment: Any) -> dict[str, Any]:
        """Returns how many trajectories the buffer holds."""
        return {"Trajectories in Buffer": len(self.buffer)}

    def sample_random_trajectory(self) -> RLData:
        """Returns a copy of an item the buffer draws; raises ``NoTrajectories`` where it has too few."""
        return self.draw_shared().copy()

    def draw_shared(self) -> RLData:
        """Returns the same, in the memory of the item."""
        self._part_ways()
        try:
            (item,) = self.buffer.sample(1, **self.query)
        except NotEnoughItems as shortage:
            raise NoTrajectories(f"The buffer of {self.dset_name} has none to give: {shortage}") from shortage
        payload = item.data
        if isinstance(payload, RLData):
            return replace(payload, source=item.index)
        traj = _traj_of(payload)
        if getattr(self.relabeler, "edits_in_place", True):
            traj = traj.copy()
        return RLData.from_frozen(frozen(self.relabeler(traj)), source=item.index)

    def _part_ways(self) -> None:
        """Gives the buffer's generator a state of its own in each loader worker, which has a copy of it."""
        info = worker_info()
        store = self.buffer.store
        if info is not None and info.seed != self._worker and store is not None:
            self._worker = info.seed
            own = np.random.default_rng(self.generator().integers(2**63))
            store.rng.bit_generator.state = own.bit_generator.state


def _traj_of(payload: Any) -> FrozenTraj:
    if isinstance(payload, (FrozenTraj, Trajectory)):
        return frozen(payload)
    if isinstance(payload, Mapping):
        return FrozenTraj.from_dict(payload)
    raise BadTrajectory(
        "An item must be a FrozenTraj, a Trajectory, an RLData or a mapping of arrays "
        f"(FrozenTraj.to_dict), got {type(payload).__name__}."
    )

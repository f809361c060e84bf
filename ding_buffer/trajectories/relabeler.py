"""What looks at a trajectory after it is loaded and before it is drawn from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from ding_buffer.core.errors import BadArgument
from ding_buffer.trajectories.frozen_traj import FrozenTraj
from ding_buffer.trajectories.trajectory import Trajectory
from ding_buffer.trajectories.trajectory_errors import BadTrajectory


class Relabeler(ABC):
    """Edits trajectories; any callable of the same kind can stand in its place.

    It gets a ``Trajectory`` of a ``.traj`` file and a ``FrozenTraj`` of a ``.npz`` file, returns either, and
    may edit in place: what a dataset keeps is handed over as a copy, unless ``edits_in_place`` is False.
    """

    edits_in_place = True

    @abstractmethod
    def relabel(self, traj: Trajectory | FrozenTraj) -> Trajectory | FrozenTraj:
        """Returns the trajectory as it shall be drawn from."""

    def __call__(self, traj: Trajectory | FrozenTraj) -> Trajectory | FrozenTraj:
        """Does the same."""
        return self.relabel(traj)


class NoOpRelabeler(Relabeler):
    """Changes nothing."""

    edits_in_place = False

    def relabel(self, traj: Trajectory | FrozenTraj) -> Trajectory | FrozenTraj:
        """Returns what it gets."""
        return traj


def frozen(traj: Trajectory | FrozenTraj) -> FrozenTraj:
    """Returns the arrays of a trajectory of either kind."""
    if traj is None:
        raise BadTrajectory(
            "A relabeler must return the trajectory, also one that edits it in place; got None."
        )
    return traj.freeze() if isinstance(traj, Trajectory) else traj


def relabeler_of(given: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """Returns what a dataset was given, or what changes nothing; raises ``BadArgument`` for no callable."""
    if given is None:
        return NoOpRelabeler()
    if isinstance(given, type) or not callable(given):
        raise BadArgument(f"relabeler must be a Relabeler, or a function of a trajectory; got {given!r}.")
    return given

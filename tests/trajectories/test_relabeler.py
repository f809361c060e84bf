"""What looks at a trajectory before it is drawn from."""

from __future__ import annotations

from typing import Any

import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.trajectories.relabeler import NoOpRelabeler, Relabeler, frozen, relabeler_of
from ding_buffer.trajectories.trajectory_errors import BadTrajectory
from tests.trajectories.made import frozen_traj, same, trajectory


def test_the_idle_one_returns_what_it_gets() -> None:
    for traj in (frozen_traj(), trajectory()):
        assert traj is NoOpRelabeler()(traj)


def test_calling_one_relabels() -> None:
    class Doubles(Relabeler):
        def relabel(self, traj):
            traj.rews *= 2
            return traj

    assert [[0], [2], [4]] == Doubles()(frozen_traj(3)).rews.tolist()
    assert Doubles.edits_in_place
    assert not NoOpRelabeler.edits_in_place


def test_both_kinds_become_arrays() -> None:
    assert same(trajectory().freeze(), frozen(trajectory()))
    traj = frozen_traj()
    assert traj is frozen(traj)


def test_a_relabeler_that_forgets_to_return_is_told() -> None:
    forgotten: Any = None

    with pytest.raises(BadTrajectory, match="must return the trajectory"):
        frozen(forgotten)


@pytest.mark.parametrize("wrong", [5, "final", NoOpRelabeler])
def test_what_cannot_relabel_is_refused_before_anything_is_drawn(wrong: Any) -> None:
    with pytest.raises(BadArgument, match="relabeler must be a Relabeler, or a function"):
        relabeler_of(wrong)

    assert frozen is relabeler_of(frozen)
    assert isinstance(relabeler_of(None), NoOpRelabeler)

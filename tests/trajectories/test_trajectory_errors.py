"""Each error is caught as what AMAGO raised, too."""

from __future__ import annotations

import pytest

from ding_buffer.core.errors import CorruptSnapshot, DingBufferError, NotEnoughItems
from ding_buffer.trajectories.trajectory_errors import (
    BadTrajectory,
    CorruptTrajectory,
    NotConfigured,
    NoTrajectories,
)


@pytest.mark.parametrize(
    ("error", "also"),
    [
        (BadTrajectory, (AssertionError, ValueError, TypeError)),
        (CorruptTrajectory, (CorruptSnapshot, ValueError)),
        (NoTrajectories, (IndexError, NotEnoughItems)),
        (NotConfigured, (ValueError,)),
    ],
)
def test_each_is_also_a_builtin(error: type[Exception], also: tuple[type[Exception], ...]) -> None:
    assert issubclass(error, DingBufferError)
    assert all(issubclass(error, kind) for kind in also)
    assert "what is wrong" == str(error("what is wrong"))

"""A dataset for who does not train."""

from __future__ import annotations

import pytest

from ding_buffer.trajectories.idle_dataset import DoNothingDataset


def test_it_holds_nothing_saves_nothing_and_is_never_ready() -> None:
    idle = DoNothingDataset()
    idle.configure(5, 4, "none", True)

    assert idle.save_new_trajs_to is None
    assert not idle.ready_for_training
    assert "DoNothingDataset" == idle.dset_name == idle.get_description()
    with pytest.raises(NotImplementedError, match="DoNothingDataset does not support training!"):
        idle.sample_random_trajectory()

"""A dataset for who does not train."""

from __future__ import annotations

from ding_buffer.trajectories.rl_data import RLData
from ding_buffer.trajectories.rl_dataset import RLDataset


class DoNothingDataset(RLDataset):
    """Holds nothing, saves nothing, and is never ready."""

    def __init__(self) -> None:
        super().__init__()

    @property
    def save_new_trajs_to(self) -> None:
        """Nowhere."""

    @property
    def ready_for_training(self) -> bool:
        """Never."""
        return False

    def get_description(self) -> str:
        """Returns its name."""
        return "DoNothingDataset"

    def sample_random_trajectory(self) -> RLData:
        """Raises ``NotImplementedError``."""
        raise NotImplementedError("DoNothingDataset does not support training!")

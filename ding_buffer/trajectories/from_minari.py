"""A Minari dataset, as trajectory files."""

from __future__ import annotations

from os import PathLike
from typing import Any

from ding_buffer.core.errors import MissingExtra
from ding_buffer.trajectories.episode_arrays import actions_in, frozen_episode
from ding_buffer.trajectories.traj_file import new_traj_path


def save_minari(
    dataset: Any,
    folder: str | PathLike[str],
    *,
    env_name: str | None = None,
    save_as: str = "npz",
    download: bool = False,
) -> list[str]:
    """Writes a file of each episode of a ``minari.MinariDataset`` and returns the names.

    ``dataset`` may be the name of one, which ``minari.load_dataset`` then finds, ``download`` as it says;
    only that needs Minari itself and raises ``MissingExtra`` without it. Observations inside of others are
    called ``outer/inner``; discrete actions are stored as rows of zeros with a one.
    """
    if isinstance(dataset, str):
        dataset = _minari().load_dataset(dataset, download=download)
    space = getattr(dataset, "action_space", None)
    name = env_name or str(getattr(getattr(dataset, "spec", None), "dataset_id", None) or "minari")
    names = []
    for episode in dataset.iterate_episodes():
        if len(episode.rewards):
            actions, count = actions_in(space, episode.actions)
            made = frozen_episode(episode.observations, actions, episode.rewards, episode.terminations, count)
            names.append(made.save_to_disk(new_traj_path(folder, name), save_as))
    return names


def _minari() -> Any:
    try:
        import minari
    except ImportError as error:
        raise MissingExtra.of("minari", "minari") from error
    return minari

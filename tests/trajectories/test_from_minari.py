"""A Minari dataset, as trajectory files; Minari is played by what has its documented interface."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import MissingExtra
from ding_buffer.trajectories.from_minari import save_minari
from ding_buffer.trajectories.traj_file import load_traj_from_disk


@dataclass(frozen=True)
class EpisodeData:
    id: int
    observations: Any
    actions: Any
    rewards: np.ndarray
    terminations: np.ndarray
    truncations: np.ndarray
    infos: dict[str, Any]


class Discrete:
    n, start = 4, 1


class MinariDataset:
    spec = SimpleNamespace(dataset_id="game/pieces-v0")
    action_space: Any = Discrete()

    def iterate_episodes(self, episode_indices: Any = None) -> Iterator[EpisodeData]:
        for number, steps in enumerate((3, 0, 2)):
            flags = np.zeros(steps, bool)
            flags[-1:] = number == 0
            observations = {"board": np.zeros((steps + 1, 2)), "hand": (np.arange(steps + 1),)}
            rewards = np.full(steps, number, float)
            yield EpisodeData(
                number, observations, np.arange(steps) + 1, rewards, flags, ~flags, {"x": np.zeros(steps + 1)}
            )


def test_every_episode_with_a_transition_is_a_file(tmp_path: Path) -> None:
    names = save_minari(MinariDataset(), tmp_path)
    made: list[Any] = [load_traj_from_disk(name) for name in names]

    assert [3, 2] == [len(traj) for traj in made]
    assert {"board", "hand/0"} == made[0].obs.keys()
    assert [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]] == made[0].actions.tolist()
    assert [[False, False, True], [False, False]] == [traj.dones[:, 0].tolist() for traj in made]
    assert [2, 2] == made[1].rews[:, 0].tolist()
    assert all(Path(name).name.startswith("gamepieces-v0_") for name in names)


def test_actions_that_are_numbers_stay_so(tmp_path: Path) -> None:
    dataset = MinariDataset()
    dataset.action_space = None
    names = save_minari(dataset, tmp_path, env_name="x", save_as="npz-compressed")
    made: Any = load_traj_from_disk(names[0])

    assert [[1], [2], [3]] == made.actions.tolist()


def test_a_name_is_looked_up_by_minari(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    minari: Any = ModuleType("minari")

    def load_dataset(dataset_id: str, download: bool = False) -> MinariDataset:
        asked.append((dataset_id, download))
        return MinariDataset()

    minari.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "minari", minari)

    assert 2 == len(save_minari("game/pieces-v0", tmp_path, download=True))
    assert [("game/pieces-v0", True)] == asked


def test_a_missing_minari_is_told_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "minari", None)

    with pytest.raises(MissingExtra, match=r"pip install 'ding_buffer\[minari\]'"):
        save_minari("game/pieces-v0", tmp_path)

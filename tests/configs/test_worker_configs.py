"""Every ready-made config of a worker buffer is built and does what its comment promises."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ding_buffer.config.create import create_buffer, get_buffer_cls, load_config
from ding_buffer.core.errors import ConfigError

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
KINDS = {
    "worker_advanced.yaml": "AdvancedReplayBuffer",
    "worker_deque.yaml": "DequeBufferWrapper",
    "worker_episode.yaml": "EpisodeReplayBuffer",
    "worker_naive.yaml": "NaiveReplayBuffer",
    "worker_sequence.yaml": "SequenceReplayBuffer",
}


def made(name: str, **changes: Any) -> Any:
    return create_buffer({**load_config(CONFIGS / name), "seed": 0, **changes})


def test_there_is_a_test_for_each() -> None:
    assert sorted(KINDS) == sorted(path.name for path in CONFIGS.glob("worker_*.yaml"))


@pytest.mark.parametrize("name", KINDS)
def test_every_config_says_when_to_use_it(name: str) -> None:
    assert (CONFIGS / name).read_text(encoding="utf-8").startswith("# DI-engine's ")


@pytest.mark.parametrize("name", KINDS)
def test_every_config_makes_a_buffer_of_its_kind_that_takes_and_gives(name: str) -> None:
    buffer = made(name)
    for begin in range(0, 64, 16):
        buffer.push([{"obs": begin + step, "done": step == 15} for step in range(16)], begin)
    query = (3, 0) if "sequence" in name else (0,)

    assert KINDS[name] == type(buffer).__name__ == get_buffer_cls(CONFIGS / name).__name__
    assert 64 == buffer.count()
    assert 4 == len(buffer.sample(4, *query))
    buffer.close()


@pytest.mark.parametrize("name", KINDS)
def test_a_misspelled_key_beside_its_settings_is_told(name: str) -> None:
    with pytest.raises(ConfigError, match="replay_buffer_sise: unknown key; did you mean replay_buffer_size"):
        made(name, replay_buffer_sise=3)


@pytest.mark.parametrize("name", ["worker_advanced.yaml", "worker_naive.yaml"])
def test_what_is_written_out_are_the_defaults(name: str) -> None:
    buffer = made(name, seed=None)

    assert type(buffer).default_config() == buffer.cfg


def test_the_advanced_one_prefers_what_has_a_high_priority_and_corrects_it_by_weights() -> None:
    buffer = made("worker_advanced.yaml")
    buffer.push([{"n": n, "priority": 50 if n == 3 else 1} for n in range(10)], 0)
    drawn = [data for _ in range(200) for data in buffer.sample(10, 0)]
    counts = Counter(data["n"] for data in drawn)

    assert 50**0.6 / (50**0.6 + 9) == pytest.approx(counts[3] / 2000, abs=0.05)
    assert max(data["IS"] for data in drawn if data["n"] == 3) < 0.5
    assert 1.0 == pytest.approx(max(data["IS"] for data in drawn))


def test_the_sequence_one_gives_windows_within_one_episode() -> None:
    buffer = made("worker_sequence.yaml")
    buffer.push([{"at": (n // 4, n % 4), "done": n % 4 == 3} for n in range(12)], 0)
    for window in buffer.sample(6, 3, 0):
        episode, first = window[0]["at"]
        assert [(episode, first + step) for step in range(3)] == [data["at"] for data in window]


def test_the_episode_one_gives_whole_episodes_and_their_lengths() -> None:
    buffer = made("worker_episode.yaml")
    buffer.push([[1, 2], [3, 4, 5]], 0)

    assert [[1, 2], [3, 4, 5]] == sorted(buffer.sample(2, 0))
    assert [2, 3] == buffer.episode_len


def test_the_naive_one_gives_none_while_too_few_are_held() -> None:
    buffer = made("worker_naive.yaml")
    buffer.push([1, 2, 3], 0)

    assert buffer.sample(4, 0) is None
    assert [1, 2, 3] == sorted(buffer.sample(3, 0))


def test_the_deque_one_gives_weights_and_takes_the_priorities_of_the_last_batch() -> None:
    buffer = made("worker_deque.yaml")
    buffer.push([{"n": n} for n in range(4)], 0)
    batch = buffer.sample(4, 0)
    buffer.update({"priority": [2000.0] * 4})

    assert all("IS" in data for data in batch)
    assert 1000.0 == max(item.meta["priority"] for item in buffer.buffer)

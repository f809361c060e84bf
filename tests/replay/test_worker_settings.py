"""How worker buffers tell what is wrong with a setting."""

from __future__ import annotations

import math

import pytest

from ding_buffer.core.errors import ConfigError
from ding_buffer.replay.advanced_buffer import AdvancedReplayBuffer
from ding_buffer.replay.deque_wrapper import DequeBufferWrapper
from ding_buffer.replay.elastic_buffer import ElasticReplayBuffer
from ding_buffer.replay.episode_buffer import EpisodeReplayBuffer
from ding_buffer.replay.naive_buffer import NaiveReplayBuffer
from ding_buffer.replay.sequence_buffer import SequenceReplayBuffer

FACES = (
    NaiveReplayBuffer,
    ElasticReplayBuffer,
    SequenceReplayBuffer,
    EpisodeReplayBuffer,
    AdvancedReplayBuffer,
    DequeBufferWrapper,
)
MONITORED = FACES[:-1]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"replay_buffer_size": 10.5}, "replay_buffer_size: expected a whole number, got 10.5"),
        ({"replay_buffer_size": math.inf}, "replay_buffer_size: expected a whole number, got inf"),
        ({"seed": "a"}, "seed: expected a whole number, got 'a'"),
        ({"seed": -1}, "seed: expected at least 0, got -1"),
    ],
)
def test_a_setting_of_all_that_makes_no_sense_is_told_by_its_name(face, setting, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        face(setting)


@pytest.mark.parametrize("face", [face for face in MONITORED if face is not AdvancedReplayBuffer])
def test_a_period_of_no_length_is_refused(face) -> None:
    with pytest.raises(ConfigError, match="periodic_thruput_seconds: expected more than 0, got 0"):
        face({"periodic_thruput_seconds": 0})


@pytest.mark.parametrize("face", MONITORED)
def test_a_directory_of_used_data_is_a_path(face) -> None:
    with pytest.raises(ConfigError, match="used_data_directory: expected a path, got 3"):
        face({"enable_track_used_data": True, "used_data_directory": 3})


@pytest.mark.parametrize("face", FACES)
def test_what_may_be_refused_is_counted_from_the_beginning(face) -> None:
    stats = face().stats()

    assert 0 == stats["refused_samples"]
    assert (face is AdvancedReplayBuffer) == ("refused_pushes" in stats)

"""How worker buffers tell what is wrong with a setting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import ConfigError
from ding_buffer.replay.advanced_buffer import AdvancedReplayBuffer
from ding_buffer.replay.deque_wrapper import DequeBufferWrapper
from ding_buffer.replay.sequence_buffer import SequenceReplayBuffer
from tests.replay.faces import FACES, MONITORED


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"replay_buffer_size": 10.5}, "replay_buffer_size: expected a whole number of at least 1, got 10.5"),
        (
            {"replay_buffer_size": math.inf},
            "replay_buffer_size: expected a whole number of at least 1, got inf",
        ),
        ({"seed": "a"}, "seed: expected a whole number of at least 0, or None, got 'a'"),
        ({"seed": -1}, "seed: expected a whole number of at least 0, or None, got -1"),
    ],
)
def test_a_setting_of_all_that_makes_no_sense_is_told_by_its_name(face, setting, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        face(setting)


@pytest.mark.parametrize("face", [face for face in MONITORED if face is not AdvancedReplayBuffer])
def test_a_period_of_no_length_is_refused(face) -> None:
    with pytest.raises(ConfigError, match="periodic_thruput_seconds: expected a number above 0, got 0"):
        face({"periodic_thruput_seconds": 0})


@pytest.mark.parametrize("face", MONITORED)
def test_a_directory_of_used_data_is_a_path(face) -> None:
    for tracked in (True, False):
        with pytest.raises(ConfigError, match="used_data_directory: expected a path, or None, got 3"):
            face({"enable_track_used_data": tracked, "used_data_directory": 3})


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"alpha": 1.1}, "alpha: expected a number from 0 to 1, got 1.1"),
        ({"beta": -0.1}, "beta: expected a number from 0 to 1"),
        ({"max_use": 0}, "max_use: expected a number of at least 1"),
        ({"max_staleness": 0}, "max_staleness: expected a number above 0 .*, got 0"),
        ({"anneal_step": -1}, "anneal_step: expected a finite number of at least 0"),
        ({"anneal_step": math.inf}, "anneal_step: expected a finite number of at least 0"),
        ({"thruput_controller": {"sample_min_limit_ratio": 0.5}}, "sample_min_limit_ratio: .* at least 1"),
        ({"thruput_controller": {"window_seconds": 0}}, "thruput_controller.window_seconds: .* above 0"),
        (
            {"thruput_controller": {"push_sample_rate_limit": {"max": 1, "min": 2}}},
            "thruput_controller.push_sample_rate_limit: expected min to be at most max, 1, got 2",
        ),
        ({"monitor": {"sampled_data_attr": {"print_freq": 0}}}, "print_freq: expected a whole number"),
        ({"monitor": {"sampled_data_attr": {"print_freq": 1.5}}}, "print_freq: expected a whole number"),
        ({"monitor": {"sampled_data_attr": {"average_range": 0}}}, "average_range: .* at least 1"),
        ({"monitor": {"periodic_thruput": {"seconds": 0}}}, "periodic_thruput.seconds: .* above 0"),
    ],
)
def test_a_setting_of_the_advanced_one_that_makes_no_sense_is_told(setting, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        AdvancedReplayBuffer(setting)


@pytest.mark.parametrize(
    ("face", "setting", "message"),
    [
        (DequeBufferWrapper, {"IS_weight_power_factor": 2}, "IS_weight_power_factor: .* from 0 to 1, got 2"),
        (
            DequeBufferWrapper,
            {"priority_power_factor": -1},
            "priority_power_factor: expected a finite number",
        ),
        (DequeBufferWrapper, {"priority_max_limit": -1}, "priority_max_limit: expected a number of at least"),
        (SequenceReplayBuffer, {"stream_key": ["env"]}, "stream_key: expected the name of a field, or None"),
    ],
)
def test_a_setting_that_makes_no_sense_is_told_also_where_it_is_not_used(face, setting, message) -> None:
    with pytest.raises(ConfigError, match=message):
        face(setting)


@pytest.mark.parametrize("face", FACES)
def test_mistakes_are_told_all_at_once_also_those_further_in(face) -> None:
    wrong: dict[str, Any] = {"replay_bufer_size": 3, "seed": -1}
    expected = ["replay_bufer_size: unknown key; did you mean replay_buffer_size?", "seed: expected a whole"]
    if face is AdvancedReplayBuffer:
        wrong["monitor"] = {"periodic_thruput": {"second": 1}}
        wrong["thruput_controller"] = {"window_seconds": 0}
        expected += [
            "monitor.periodic_thruput.second: unknown key; did you mean seconds?",
            "thruput_controller.window_seconds: expected a number above 0, got 0",
        ]
    with pytest.raises(ConfigError) as caught:
        face(wrong)
    first, *lines = str(caught.value).splitlines()

    assert f"the cfg of {face.__name__}: {len(expected)} mistakes" == first
    assert all(line.startswith(f"  {begin}") for line, begin in zip(lines, expected, strict=True))


@pytest.mark.parametrize("face", FACES)
def test_a_seed_may_be_a_number_of_numpy(face) -> None:
    assert 3 == face({"seed": np.int64(3)}).cfg.seed


@pytest.mark.parametrize("face", FACES)
def test_what_may_be_refused_is_counted_from_the_beginning(face) -> None:
    stats = face().stats()

    assert 0 == stats["refused_samples"]
    assert (face is AdvancedReplayBuffer) == ("refused_pushes" in stats)

from __future__ import annotations

import inspect

import pytest
from easydict import EasyDict

from ding_buffer.replay.advanced_buffer import AdvancedReplayBuffer
from ding_buffer.replay.deque_wrapper import DequeBufferWrapper
from ding_buffer.replay.elastic_buffer import ElasticReplayBuffer
from ding_buffer.replay.episode_buffer import EpisodeReplayBuffer
from ding_buffer.replay.interface import IBuffer
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


def test_the_interface_cannot_be_made_and_names_what_a_buffer_must_have() -> None:
    with pytest.raises(TypeError):
        IBuffer()  # type: ignore[abstract]

    assert {
        "clear",
        "count",
        "load_data",
        "load_state_dict",
        "push",
        "sample",
        "save_data",
        "state_dict",
        "update",
    } == IBuffer.__abstractmethods__


@pytest.mark.parametrize("face", FACES)
def test_every_face_is_one(face) -> None:
    assert issubclass(face, IBuffer)
    assert not inspect.isabstract(face)


@pytest.mark.parametrize("face", FACES)
def test_the_defaults_are_an_easydict_that_names_the_class_and_belongs_to_the_caller(face) -> None:
    config = face.default_config()
    config.replay_buffer_size = 3
    config.other = 1

    assert isinstance(config, EasyDict)
    assert f"{face.__name__}Dict" == face.default_config().cfg_type
    assert 3 != face.default_config().replay_buffer_size
    assert "other" not in face.default_config()


def test_nested_defaults_belong_to_the_caller_too() -> None:
    AdvancedReplayBuffer.default_config().monitor.periodic_thruput.seconds = 1

    assert 60 == AdvancedReplayBuffer.default_config().monitor.periodic_thruput.seconds


def test_the_defaults_are_those_of_the_original() -> None:
    inf = float("inf")
    naive = {
        "replay_buffer_size": 10000,
        "deepcopy": False,
        "enable_track_used_data": False,
        "periodic_thruput_seconds": 60,
    }
    advanced = {
        "type": "advanced",
        "replay_buffer_size": 4096,
        "max_use": inf,
        "max_staleness": inf,
        "alpha": 0.6,
        "beta": 0.4,
        "anneal_step": 100000,
        "enable_track_used_data": False,
        "deepcopy": False,
        "thruput_controller": {
            "push_sample_rate_limit": {"max": inf, "min": 0},
            "window_seconds": 30,
            "sample_min_limit_ratio": 1,
        },
        "monitor": {
            "sampled_data_attr": {"average_range": 5, "print_freq": 200},
            "periodic_thruput": {"seconds": 60},
        },
    }
    wrapper = {
        "replay_buffer_size": 10000,
        "max_use": inf,
        "train_iter_per_log": 100,
        "priority": False,
        "priority_IS_weight": False,
        "priority_power_factor": 0.6,
        "IS_weight_power_factor": 0.4,
        "IS_weight_anneal_train_iter": 100000,
        "priority_max_limit": 1000,
    }

    assert NaiveReplayBuffer.default_config().items() >= {**naive, "type": "naive"}.items()
    assert ElasticReplayBuffer.default_config().items() >= {**naive, "type": "elastic"}.items()
    assert SequenceReplayBuffer.default_config().items() >= {**naive, "type": "sequence"}.items()
    assert EpisodeReplayBuffer.default_config().items() >= {**naive, "type": "episode"}.items()
    assert AdvancedReplayBuffer.default_config().items() >= advanced.items()
    assert DequeBufferWrapper.default_config().items() >= wrapper.items()

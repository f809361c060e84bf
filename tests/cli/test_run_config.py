from __future__ import annotations

import pytest

from ding_buffer.cli.run_config import in_buffer_section, read_run_config
from ding_buffer.core.errors import ConfigError


def complaint(settings) -> str:
    with pytest.raises(ConfigError) as caught:
        read_run_config(settings, "run.yaml")
    return str(caught.value)


def test_what_is_not_said_has_a_default(tiny) -> None:
    config = read_run_config({"env": "CartPole-v1", "buffer": {"type": "deque", "size": 2000}}, "run.yaml")

    assert 5 == config.learn.nstep
    assert "runs" == config.out
    assert [128, 128] == config.network.hidden


def test_the_settings_can_be_read_again_from_their_plain_form(tiny) -> None:
    config = read_run_config(tiny, "run.yaml")

    assert config == read_run_config(config.plain(), "again")


def test_the_learners_find_their_settings_under_the_names_they_know(tiny) -> None:
    policy = read_run_config(tiny, "run.yaml").for_learners().policy

    assert 3 == policy.nstep
    assert 0.995 == policy.discount_factor
    assert {"batch_size": 16, "update_per_collect": 4, "min_size": 64} == policy.learn


def test_an_unknown_key_is_told_with_its_path_and_the_nearest_known_one(tiny) -> None:
    assert "run.yaml: learn.batchsize: unknown key; did you mean batch_size?" in complaint(
        {**tiny, "learn": {"batchsize": 3}}
    )
    assert "run.yaml: colect: unknown key; did you mean collect?" in complaint({**tiny, "colect": {}})


def test_all_mistakes_are_told_at_once(tiny) -> None:
    told = complaint({**tiny, "steps": 0, "learn": {"lr": "fast"}, "eval": 3, "env": None})

    assert "4 mistakes" in told
    assert "learn.lr: expected a number, got the text 'fast'" in told
    assert "eval: expected a mapping, got 3" in told


def test_a_missing_buffer_is_a_mistake() -> None:
    assert "buffer: expected a mapping, got null" in complaint({"env": "CartPole-v1"})


def test_settings_that_contradict_each_other_are_refused(tiny) -> None:
    waits_for_ever = {**tiny, "learn": {"min_size": 301, "nstep": 3}}
    never_whole = {**tiny, "learn": {"nstep": 17, "min_size": 0}}

    assert "learn.min_size: 301 is more than the buffer holds (buffer.size: 300)" in complaint(waits_for_ever)
    assert "learn.nstep: 17 is more than collect.steps (16)" in complaint(never_whole)


def test_a_mistake_of_the_buffer_is_told_where_its_settings_stand() -> None:
    error = in_buffer_section(
        ConfigError("the buffer config: size: too small"), "run.yaml", "the buffer config"
    )

    assert "run.yaml: buffer: size: too small" == str(error)


def test_the_config_of_a_buffer_is_not_mistaken_for_that_of_a_run() -> None:
    assert "run.yaml: this describes a buffer, not a run" in complaint({"type": "deque", "size": 10})

from __future__ import annotations

import pytest

import ding_buffer
from ding_buffer import replay, worker
from ding_buffer.worker import replay_buffer


def test_the_names_are_where_ding_has_them() -> None:
    expected = {"create_buffer", "get_buffer_cls", *replay.__all__}

    assert expected == set(worker.__all__)
    assert expected == set(replay_buffer.__all__)


@pytest.mark.parametrize("name", worker.__all__)
def test_a_name_is_the_same_wherever_it_is_imported_from(name: str) -> None:
    original = getattr(ding_buffer if name in ("create_buffer", "get_buffer_cls") else replay, name)

    assert original is getattr(worker, name)
    assert original is getattr(replay_buffer, name)


def test_a_buffer_comes_from_a_config_as_in_ding() -> None:
    config = {"type": "advanced", "replay_buffer_size": 3}
    buffer = worker.create_buffer(config)

    assert isinstance(buffer, worker.AdvancedReplayBuffer)
    assert worker.get_buffer_cls(config) is worker.AdvancedReplayBuffer
    assert 3 == buffer.replay_buffer_size

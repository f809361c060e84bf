from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, ConfigError
from ding_buffer.learners.context import Context, OnlineRLContext
from ding_buffer.learners.learner_errors import MissingContextField
from ding_buffer.learners.saver import SUFFIX, buffer_saver


def filled() -> DequeBuffer:
    buffer = DequeBuffer(size=10)
    buffer.extend([{"obs": place} for place in range(5)])
    return buffer


def saved(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "replaybuffer").iterdir())


def test_it_saves_at_once_and_then_every_so_many_env_steps(tmp_path: Path) -> None:
    save = buffer_saver({"exp_name": str(tmp_path)}, filled(), every_envstep=1000)
    for env_step in (0, 400, 999, 1000, 1500, 2100):
        save(OnlineRLContext(env_step=env_step))

    expected = [f"data_envstep_{env_step}{SUFFIX}" for env_step in (0, 1000, 2100)]
    assert sorted(expected) == saved(tmp_path)


def test_one_file_is_replaced_on_request(tmp_path: Path) -> None:
    save = buffer_saver({"exp_name": str(tmp_path)}, filled(), every_envstep=1, replace=True)
    for env_step in range(3):
        save(OnlineRLContext(env_step=env_step))

    assert [f"data_latest{SUFFIX}"] == saved(tmp_path)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    buffer_saver({"exp_name": str(tmp_path)}, filled(), replace=True)(OnlineRLContext())
    loaded = DequeBuffer(size=10)
    loaded.load_data(str(tmp_path / "replaybuffer" / f"data_latest{SUFFIX}"))

    assert [{"obs": place} for place in range(5)] == [item.data for item in loaded]


def test_a_context_that_counts_no_env_steps_is_refused(tmp_path: Path) -> None:
    ctx: Any = Context()
    with pytest.raises(MissingContextField, match="env_step"):
        buffer_saver({"exp_name": str(tmp_path)}, filled())(ctx)


def test_settings_that_make_no_sense_are_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="exp_name"):
        buffer_saver({}, filled())
    with pytest.raises(BadArgument, match="every_envstep"):
        buffer_saver({"exp_name": "x"}, filled(), every_envstep=0)

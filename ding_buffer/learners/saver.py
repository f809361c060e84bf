"""Saves a buffer while training goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ding_buffer.core.buffer import Buffer
from ding_buffer.learners.context import filled_field
from ding_buffer.learners.setting_path import positive_count, setting

SUFFIX = ".ding"


def buffer_saver(
    cfg: Any, buffer_: Buffer, every_envstep: int = 1000, replace: bool = False
) -> Callable[[Any], None]:
    """Makes the middleware that saves the buffer, first at once and then every ``every_envstep`` env steps.

    The file is ``{cfg.exp_name}/replaybuffer/data_envstep_{env_step}.ding``, or with ``replace`` always
    ``data_latest.ding``.
    """
    every = positive_count(every_envstep, "every_envstep")
    folder = Path(setting(cfg, "exp_name")) / "replaybuffer"
    saved_at: int | None = None

    def save(ctx: Any) -> None:
        nonlocal saved_at
        env_step = filled_field(ctx, "env_step", "a collector")
        if saved_at is not None and env_step < saved_at + every:
            return
        name = "data_latest" if replace else f"data_envstep_{env_step}"
        buffer_.save_data(str(folder / f"{name}{SUFFIX}"))
        saved_at = env_step

    return save

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ding_buffer.learners.context import Context, OnlineRLContext, filled_field
from ding_buffer.learners.learner_errors import MissingContextField


def test_counters_live_on_and_the_rest_starts_anew() -> None:
    ctx = OnlineRLContext(env_step=7, env_episode=2, train_iter=5, last_eval_iter=4, last_eval_value=1.5)
    ctx.train_data = [1]
    ctx.trajectories = [{}]
    ctx.trajectory_end_idx.append(0)
    renewed = ctx.renew()

    assert (1, 7, 2, 5, 4, 1.5) == (
        renewed.total_step,
        renewed.env_step,
        renewed.env_episode,
        renewed.train_iter,
        renewed.last_eval_iter,
        renewed.last_eval_value,
    )
    assert (None, None, []) == (renewed.train_data, renewed.trajectories, renewed.trajectory_end_idx)


def test_a_field_once_kept_is_kept_for_good() -> None:
    ctx: Any = Context()
    ctx.temperature = 0.5
    ctx.keep("temperature", "never_set")
    renewed = ctx.renew().renew().renew()

    assert 0.5 == renewed.temperature
    assert 3 == renewed.total_step
    assert not renewed.has_attr("never_set")


def test_it_has_the_field_names_of_ding() -> None:
    names = {
        "total_step", "env_step", "env_episode", "train_iter", "train_data", "train_output", "trajectories",
        "episodes", "trajectory_end_idx", "obs", "action", "inference_output", "collect_kwargs", "eval_value",
        "last_eval_iter", "last_eval_value", "eval_output",
    }  # fmt: skip

    assert names == set(OnlineRLContext())
    assert -np.inf == OnlineRLContext().eval_value


def test_it_reads_and_writes_like_a_dict() -> None:
    ctx = OnlineRLContext(env_step=3)
    ctx["note"] = "new"

    assert 3 == ctx["env_step"]
    assert "new" == ctx.get("note")
    assert "note" in ctx
    assert "_kept_keys" not in ctx
    assert 1 == ctx.get("nothing", 1)
    assert 3 == dict(ctx)["env_step"]
    assert set(ctx.keys()) == set(ctx)
    assert bool(ctx)
    with pytest.raises(KeyError, match="nothing"):
        ctx["nothing"]


def test_a_field_nobody_filled_is_named() -> None:
    with pytest.raises(MissingContextField, match=r"ctx\.trajectories is None: a collector"):
        filled_field(OnlineRLContext(), "trajectories", "a collector")

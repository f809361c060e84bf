"""Turns one-step transitions into n-step transitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ding_buffer.core.copies import is_tensor
from ding_buffer.core.errors import BadArgument, ConfigError
from ding_buffer.core.payload_fields import field_of, flag_of, has_field, plain_scalar, with_fields
from ding_buffer.learners.context import filled_field
from ding_buffer.learners.setting_path import count_setting, setting

_LAST_STEP_FIELDS = ("next_obs", "done", "terminated", "truncated")


def nstep_reward_enhancer(cfg: Any) -> Callable[[Any], None]:
    """Makes the middleware that rewrites ``ctx.trajectories`` for targets over ``cfg.policy.nstep`` steps.

    The window of a transition is itself and what follows it in the same env, ``nstep`` long at most. It ends
    earlier with a step that is ``done``, ``terminated`` or ``truncated`` (that step's reward included), at an
    index of ``ctx.trajectory_end_idx``, or with the data. Steps follow each other in the list; if they carry
    ``env_data_id``, the next of the same id is meant, so envs may also be interleaved.

    With k the real length of the window, each transition is replaced by a copy with ``reward``: (nstep,), the
    k rewards of the window, then zeros (float32 for plain numbers, else the dtype they had); ``value_gamma``:
    (1,) float32, ``cfg.policy.discount_factor`` to the power of k; ``next_obs``, ``done``, ``terminated``,
    ``truncated``: those of the last step of the window, where the transition has them. So a truncated episode
    bootstraps from the truncation's ``next_obs`` as long as its ``done`` is False. The target is
    ``sum(gamma**j * reward[j]) + value_gamma * (1 - done) * value(next_obs)``.
    """
    nstep = count_setting(cfg, "policy.nstep")
    gamma = float(setting(cfg, "policy.discount_factor"))
    if not 0.0 <= gamma <= 1.0:
        raise ConfigError(f"cfg.policy.discount_factor must lie between 0 and 1, not {gamma}")

    def enhance(ctx: Any) -> None:
        steps = list(filled_field(ctx, "trajectories", "a collector"))
        follower = _followers(steps, {int(place) for place in getattr(ctx, "trajectory_end_idx", None) or ()})
        enhanced = []
        for start, step in enumerate(steps):
            window = [start]
            while len(window) < nstep and (after := follower[window[-1]]) is not None:
                window.append(after)
            last = steps[window[-1]]
            rewards = [field_of(steps[place], "reward") for place in window]
            fields = {name: field_of(last, name) for name in _LAST_STEP_FIELDS if has_field(step, name)}
            reward, value_gamma = _vectors(rewards, nstep, gamma ** len(window))
            enhanced.append(with_fields(step, **fields, reward=reward, value_gamma=value_gamma))
        ctx.trajectories = enhanced

    return enhance


def _followers(steps: Sequence[Any], ends: set[int]) -> list[int | None]:
    """Returns for each step the place of the next one of its env, or None where a window must not go on."""
    follower: list[int | None] = [None] * len(steps)
    next_of_env: dict[Any, int] = {}
    for place in range(len(steps) - 1, -1, -1):
        step = steps[place]
        env = plain_scalar(field_of(step, "env_data_id")) if has_field(step, "env_data_id") else None
        # `done` must be there even if another flag ends the window: a learner needs it for its target.
        over = bool(field_of(step, "done")) | flag_of(step, "terminated") | flag_of(step, "truncated")
        if not over and place not in ends:
            follower[place] = next_of_env.get(env)
        next_of_env[env] = place
    return follower


def _vectors(rewards: Sequence[Any], nstep: int, value_gamma: float) -> tuple[Any, Any]:
    first = rewards[0]
    if is_tensor(first):
        import torch

        _check_one(first.numel())
        reward = torch.zeros(nstep, dtype=first.dtype, device=first.device)
        reward[: len(rewards)] = torch.stack([each.detach().reshape(()) for each in rewards])
        return reward, torch.tensor([value_gamma], dtype=torch.float32, device=first.device)
    arrays = [np.asarray(each) for each in rewards]
    _check_one(arrays[0].size)
    dtype = arrays[0].dtype if hasattr(first, "dtype") else np.float32
    padded = np.zeros(nstep, dtype=dtype)
    padded[: len(arrays)] = [each.reshape(()) for each in arrays]
    return padded, np.array([value_gamma], dtype=np.float32)


def _check_one(size: int) -> None:
    if size != 1:
        raise BadArgument(f"a reward is one number (or an array of one), not {size} of them")

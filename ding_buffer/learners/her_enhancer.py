"""Fetches episodes and relabels them with hindsight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ding_buffer.core.buffer import Buffer
from ding_buffer.learners.setting_path import count_setting, positive_count
from ding_buffer.learners.shortage import ShortageNotice
from ding_buffer.learners.sources import Drawer, Query, minimum, sources_of


def her_data_enhancer(
    cfg: Any,
    buffer_: Buffer,
    her_reward_model: Any,
    *,
    min_size: int | None = None,
    query: Query | None = None,
) -> Callable[[Any], None]:
    """Makes the middleware that samples episodes and fills ``ctx.train_data`` with them, relabelled.

    An item of the buffer is one episode, a list of transitions. ``her_reward_model.episode_size`` episodes
    are drawn, or ``cfg.policy.learn.batch_size`` if that is None; ``her_reward_model.estimate(episode)``
    returns a list of episodes; the transitions of all of them together are the batch. ``ctx.train_data`` is
    None while the buffer holds too few, which is logged once until it ends. Source: Andrychowicz et al. 2017,
    arXiv:1707.01495.
    """
    episode_size = getattr(her_reward_model, "episode_size", None)
    if episode_size is None:
        size = count_setting(cfg, "policy.learn.batch_size")
    else:
        size = positive_count(episode_size, "her_reward_model.episode_size")
    drawer = Drawer(sources_of(buffer_, size), ShortageNotice(), minimum(cfg, min_size), query)

    def fetch(ctx: Any) -> None:
        drawn = drawer.draw(ctx)
        if drawn is None:
            ctx.train_data = None
            return
        episodes = (
            relabelled
            for part in drawn
            for item in part
            for relabelled in her_reward_model.estimate(item.data)
        )
        ctx.train_data = [transition for episode in episodes for transition in episode]

    return fetch

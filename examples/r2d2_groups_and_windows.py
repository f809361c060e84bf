"""How to train a recurrent network: on windows of consecutive steps of one episode.

Windows are drawn by priority, as in R2D2. Run it: python examples/r2d2_groups_and_windows.py
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from ding_buffer import DequeBuffer
from ding_buffer.framework import OnlineRLContext, task
from ding_buffer.framework.middleware import OffPolicyLearner, data_pusher
from ding_buffer.middleware import PriorityExperienceReplay

EPISODES, LENGTH, WINDOW = 4, 10, 4
CFG = {"policy": {"collect": {"unroll_len": WINDOW}, "learn": {"batch_size": 8, "update_per_collect": 1}}}


class Recurrent:
    """Stands for a network that finds episode 2 hard, and notes what it was shown."""

    def __init__(self) -> None:
        self.windows: list[list[dict[str, int]]] = []

    def forward(self, batch: list[list[dict[str, int]]]) -> dict[str, Any]:
        """Takes a list of windows and returns one priority for each."""
        self.windows += batch
        return {"priority": [5.0 if window[0]["env_data_id"] == 2 else 0.1 for window in batch]}


def collect(ctx: Any) -> None:
    if ctx.total_step < EPISODES:
        ctx.trajectories = [{"env_data_id": ctx.total_step, "step": step} for step in range(LENGTH)]
    else:
        ctx.trajectories = []


def main(iterations: int = 200) -> dict[str, Any]:
    buffer, policy = DequeBuffer(size=1000, seed=0), Recurrent()
    buffer.use(PriorityExperienceReplay(group_mass="mix", eta=0.9))
    with task.start(ctx=OnlineRLContext()):
        task.use(collect)
        task.use(data_pusher(CFG, buffer, group_by_env=True))
        task.use(OffPolicyLearner(CFG, policy, buffer, min_size=EPISODES * LENGTH))
        task.run(max_step=iterations + EPISODES - 1)

    episodes = Counter(window[0]["env_data_id"] for window in policy.windows)
    starts = Counter(window[0]["step"] for window in policy.windows)
    print(f"The learner saw {len(policy.windows)} windows of {WINDOW} steps, each within one episode.")
    print("How many of each episode (2 is the hard one):", dict(sorted(episodes.items())))
    print("How many from each first step (6 reaches the end):", dict(sorted(starts.items())))
    return {"windows": policy.windows, "episodes": episodes, "starts": starts}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""How to train from two buffers at once.

Soft Q imitation learning takes half of each batch from an expert. In a corridor of ten cells nobody tells the
learner where the goal is; the expert walks right, and its steps count 1, those of the learner 0.
Run it: python examples/sqil_two_buffers.py
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ding_buffer import DequeBuffer
from ding_buffer.framework import OnlineRLContext, task
from ding_buffer.framework.middleware import OffPolicyLearner, sqil_data_pusher

CELLS, GAMMA, RATE = 10, 0.9, 0.1
CFG = {"policy": {"learn": {"batch_size": 32, "update_per_collect": 4}}}


class SoftQ:
    """A table of soft action values: one row a cell, left and right."""

    def __init__(self) -> None:
        self.q = np.zeros((CELLS, 2))

    def forward(self, batch: list[dict[str, Any]]) -> dict[str, float]:
        """Moves the values of a batch towards their targets."""
        errors = []
        for step in batch:
            target = step["reward"] + GAMMA * np.log(np.exp(self.q[step["next_obs"]]).mean())
            errors.append(target - self.q[step["obs"], step["action"]])
            self.q[step["obs"], step["action"]] += RATE * errors[-1]
        return {"total_loss": float(np.square(errors).mean())}


def main(iterations: int = 150) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    policy, own, expert = SoftQ(), DequeBuffer(1000, seed=1), DequeBuffer(1000, seed=2)

    def walker(expert_walks: bool) -> Any:
        def collect(ctx: Any) -> None:
            cells, actions = rng.integers(CELLS, size=8), rng.integers(2, size=8)
            actions = np.ones(8, dtype=int) if expert_walks else actions
            nexts = np.clip(cells + 2 * actions - 1, 0, CELLS - 1)
            columns = zip(cells, actions, nexts, strict=True)
            ctx.trajectories = [{"obs": c, "action": a, "next_obs": n, "reward": 0.0} for c, a, n in columns]

        return collect

    with task.start(ctx=OnlineRLContext()):
        task.use(walker(expert_walks=False)).use(sqil_data_pusher(CFG, own, expert=False))
        task.use(walker(expert_walks=True)).use(sqil_data_pusher(CFG, expert, expert=True))
        task.use(OffPolicyLearner(CFG, policy, [(own, 0.5), (expert, 0.5)]))
        task.run(max_step=iterations)

    chosen = "".join("<>"[action] for action in policy.q.argmax(axis=1))
    print(f"After {iterations} iterations the learner walks: {chosen}")
    print(f"It holds {len(own)} steps of its own (reward 0) and {len(expert)} of the expert (reward 1).")
    return {"chosen": chosen, "rewards": {own[0].data["reward"], expert[0].data["reward"]}}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

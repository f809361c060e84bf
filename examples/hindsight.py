"""How to learn when one never succeeds: with hindsight, by calling what happened the goal.

Flip one of BITS bits a step until they match a goal, which by chance hardly ever works. The buffer holds
whole episodes; HERLearner trains on each as it was and once more with its end as its goal.
Run it: python examples/hindsight.py
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np

from ding_buffer import DequeBuffer
from ding_buffer.framework import OnlineRLContext, task
from ding_buffer.framework.middleware import HERLearner, data_pusher

BITS, GAMMA, RATE = 12, 0.9, 0.5
CFG = {"policy": {"learn": {"batch_size": 8, "update_per_collect": 2}}}


def train(relabel: bool, iterations: int) -> float:
    rng, buffer, successes = np.random.default_rng(0), DequeBuffer(2000, seed=0), []
    q = np.zeros((2**BITS, BITS))  # by the difference to the goal (state xor goal) and the bit to flip

    def collect(ctx: Any) -> None:
        state, goal = rng.integers(2**BITS, size=2).tolist()
        episode: list[dict[str, int]] = []
        while len(episode) < BITS and (state != goal or not episode):
            greedy = int((q[state ^ goal] + 1e-6 * rng.random(BITS)).argmax())
            bit = int(rng.integers(BITS)) if rng.random() < 0.1 else greedy
            episode.append({"obs": state, "action": bit, "next_obs": state ^ (1 << bit), "goal": goal})
            state = episode[-1]["next_obs"]
        ctx.episodes = [episode]
        successes.append(state == goal)

    def with_hindsight(episode: list[dict[str, int]]) -> list[list[dict[str, int]]]:
        return [episode, [{**step, "goal": episode[-1]["next_obs"]} for step in episode]]

    def learn(batch: list[dict[str, int]]) -> dict[str, float]:
        for step in reversed(batch):
            now, left = step["obs"] ^ step["goal"], step["next_obs"] ^ step["goal"]
            target = 0.0 if now == 0 else 1.0 if left == 0 else GAMMA * q[left].max()
            q[now, step["action"]] += RATE * (target - q[now, step["action"]])
        return {"total_loss": 0.0}

    model = SimpleNamespace(
        episode_size=None, estimate=with_hindsight if relabel else lambda episode: [episode]
    )
    with task.start(ctx=OnlineRLContext()):
        task.use(collect).use(data_pusher(CFG, buffer))
        task.use(HERLearner(CFG, SimpleNamespace(forward=learn), buffer, model))
        task.run(max_step=iterations)
    return float(np.mean(successes[-max(iterations // 5, 1) :]))


def main(iterations: int = 1500) -> dict[str, float]:
    rates = {name: train(relabel, iterations) for name, relabel in (("with", True), ("without", False))}
    for name, rate in rates.items():
        print(f"{name:>8} hindsight: {rate:.0%} of the last episodes reached their goal")
    return rates


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

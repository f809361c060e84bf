"""Whether priorities are worth it: how many updates until a learner knows the way to a rare reward.

A chain of states pays at its end only, so at first nearly every transition teaches nothing. One learner draws
what surprised it (alpha 1), the other anything (alpha 0). Run it: python examples/worker_advanced.py
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ding_buffer.replay import AdvancedReplayBuffer

STATES, GAMMA, BATCH, RATE = 24, 0.95, 4, 0.5
TRUTH = GAMMA ** np.arange(STATES - 1, -1, -1)


def updates_needed(alpha: float, most: int) -> tuple[int, dict[str, Any]]:
    values, drawn = np.zeros(STATES + 1), 0
    # A beta of 0 leaves all weights 1: nothing here is noisy, so drawing some more often biases nothing.
    cfg = {"replay_buffer_size": STATES, "alpha": alpha, "beta": 0, "anneal_step": 0, "seed": 0}
    with AdvancedReplayBuffer(cfg) as buffer:
        chain = [{"obs": n, "reward": float(n == STATES - 1), "collect_iter": 0} for n in range(STATES)]
        buffer.push(chain, 0)
        for iteration in range(most):
            batch = buffer.sample(BATCH, iteration) or []
            errors = []
            for data in batch:
                state = data["obs"]
                error = data["reward"] + GAMMA * values[state + 1] * (state + 1 < STATES) - values[state]
                values[state] += RATE * data["IS"] * error
                errors.append(abs(error))
            drawn += len(batch)
            # Where an item lies and what it is called come with it, so that late news reach no other item.
            info = {key: [data[key] for data in batch] for key in ("replay_buffer_idx", "replay_unique_id")}
            # A little is added: what taught nothing then may teach something once its neighbour is known.
            buffer.update({**info, "priority": [error + 0.01 for error in errors]})
            if np.abs(values[:STATES] - TRUTH).max() < 0.05:
                break
        example = buffer.sample(1, iteration) or [{}]
    return drawn, example[0]


def main(most: int = 3000) -> dict[str, Any]:
    needed: dict[str, int] = {}
    for name, alpha in (("by priority", 1.0), ("uniformly", 0.0)):
        needed[name], example = updates_needed(alpha, most)
        print(f"Drawing {name:<11} it took {needed[name]:,} updates to know all {STATES} states.")
    print("What a sampled dict brings besides what was pushed:")
    added = {key: value for key, value in example.items() if key not in ("obs", "reward", "collect_iter")}
    for key, value in added.items():
        print(f"  {key:<17} {value if isinstance(value, str) else f'{value:.3g}'}")
    return {"needed": needed, "added": added}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

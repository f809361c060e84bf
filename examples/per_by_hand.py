"""How prioritized replay works, without a learner around it.

Eight items, one of which surprises us more than the others. Run it: python examples/per_by_hand.py
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ding_buffer import DequeBuffer
from ding_buffer.middleware import PriorityExperienceReplay

ALPHA = 0.6


def main(draws: int = 4000) -> dict[str, Any]:
    buffer = DequeBuffer(size=8, seed=0)
    buffer.use(PriorityExperienceReplay(IS_weight=True, priority_power_factor=ALPHA))
    buffer.extend([{"name": name} for name in "abcdefgh"])  # what is new gets the highest priority so far

    # A learner would send back how wrong it was; here we make the numbers up. One call for the whole batch.
    errors = np.array([0.1, 0.1, 0.1, 0.1, 0.5, 0.5, 1.0, 4.0])
    buffer.update([item.index for item in buffer], meta={"priority": errors})

    counts = dict.fromkeys("abcdefgh", 0)
    weights: dict[str, float] = {}
    for _ in range(draws // 8):
        for item in buffer.sample(8):
            counts[item.data["name"]] += 1
            weights[item.data["name"]] = float(item.meta["priority_IS"])

    total = sum(counts.values())
    expected = (errors + 1e-5) ** ALPHA / ((errors + 1e-5) ** ALPHA).sum()
    print("item  error  drawn  expected  weight in the loss")
    for (name, count), error, share in zip(counts.items(), errors, expected, strict=True):
        print(f"{name:>4}  {error:5.1f}  {count / total:5.1%}  {share:8.1%}  {weights.get(name, np.nan):.2f}")
    print("Items drawn more often count less each time, so that on the whole nothing is overrated.")
    return {
        "drawn": {name: count / total for name, count in counts.items()},
        "expected": expected,
        "weights": weights,
    }


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""How a serial loop of sample, train, update uses priorities without any bookkeeping.

An update means the batch that was sampled last. Run it: python examples/worker_deque_wrapper.py
"""

from __future__ import annotations

import sys
from typing import Any

from ding_buffer.replay import DequeBufferWrapper


class Curves:
    """Anything with this method is a ``tb_logger``; ``summary_writer(folder)`` writes TensorBoard files."""

    def __init__(self) -> None:
        self.points: dict[str, list[tuple[int, float]]] = {}

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        """Takes what the buffer reports."""
        self.points.setdefault(tag, []).append((step, value))


def main(iterations: int = 300) -> dict[str, Any]:
    curves, hard_ones = Curves(), 0
    cfg = {
        "replay_buffer_size": 200,
        "priority": True,
        "priority_IS_weight": True,
        "priority_max_limit": 10,
        "max_use": 20,
        "train_iter_per_log": 50,
        "seed": 0,
    }
    with DequeBufferWrapper(cfg, curves, instance_name="serial") as buffer:
        for iteration in range(iterations):
            # Every tenth transition is a hard one, which nobody knows beforehand.
            buffer.push([{"obs": n, "hard": n % 10 == 0} for n in range(4 * iteration, 4 * iteration + 4)])
            batch = buffer.sample(16, iteration)  # a list of payloads, each with its weight in IS
            if batch is None:
                continue
            buffer.update({"priority": [1000.0 if data["hard"] else 0.5 for data in batch]})
            hard_ones += sum(data["hard"] for data in batch)
        held, stats = buffer.count(), buffer.stats()
    share = hard_ones / max(stats["sampled"], 1)
    print(f"A tenth of what was pushed is hard, and {share:.0%} of what was sampled.")
    worn = stats["use_time_check"]["worn_out"]
    print(f"{held} items are held; {worn} were used up, {stats['evicted']} gave way to newer ones.")
    for tag, points in curves.points.items():
        print(f"  {tag:<28}", ", ".join(f"{value:.4g} at {step}" for step, value in points[-3:]))
    return {"share": share, "held": held, "stats": stats, "curves": curves.points}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

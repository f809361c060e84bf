"""How to keep learner and actor in step, watch the buffer, and keep what leaves it: three layers.

An actor offers a step whenever it can, a learner asks for a batch whenever it can; nobody waits here, so one
sees who was refused and why. Run it: python examples/pace_watch_and_archive.py
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from ding_buffer import BufferedData, DequeBuffer
from ding_buffer.core.errors import RateLimited
from ding_buffer.middleware import monitor, rate_limit, track_removed

BATCH, PER_INSERT = 8, 4
SHOWN = ("sampled_total", "size", "sample_age_avg", "reuse_avg", "reuse_max")


def main(rounds: int = 400) -> dict[str, Any]:
    reports: list[dict[str, float]] = []
    archive: list[int] = []
    reasons: Counter[str] = Counter()

    def keep(items: list[BufferedData], reason: str) -> None:
        """Called once for every item that left; a file, a queue or another buffer would do as well."""
        archive.extend(item.data["step"] for item in items)
        reasons[reason] += len(items)

    # The default, mode="wait", lets the thread wait that is ahead; with "refuse" one thread can show both.
    pace = rate_limit(PER_INSERT, min_size=2 * BATCH, mode="refuse")
    buffer = DequeBuffer(size=64, seed=0)
    buffer.use(monitor(reports.append, every_samples=10)).use(pace).use(track_removed(keep))

    told: set[str] = set()
    turn = pushed = 0

    def act() -> None:
        nonlocal pushed
        if buffer.push({"step": pushed}) is None:
            explain()
        else:
            pushed += 1

    def learn() -> None:
        try:
            buffer.sample(BATCH)
        except RateLimited:
            explain()

    def explain() -> None:
        blocked = pace.why_blocked()
        if blocked is not None and blocked.side not in told:
            told.add(blocked.side)
            lacks = f"{blocked.needed - blocked.have} more {blocked.unit}"
            print(f"Turn {turn}: a {blocked.side} is refused, it takes {lacks}.")

    for turn in range(rounds):
        actor_is_quick = turn < rounds // 2
        for _ in range(6 if actor_is_quick else 1):
            act()
        for _ in range(1 if actor_is_quick else 6):
            learn()

    counts = pace.stats()
    print(f"Refused: {counts['refused_pushes']} items of pushes, {counts['refused_samples']} of samples.")
    print(
        f"{counts['sampled']} samples of {counts['pushed']} items: {PER_INSERT} each but for the first few."
    )
    for report in reports[:: max(1, len(reports) // 3)]:
        print("  ", ", ".join(f"{name} {report[f'buffer/{name}']:.4g}" for name in SHOWN))
    buffer.clear()
    print(f"Archived {len(archive)} items, in order and none twice: {dict(reasons)}.")
    return {"counts": counts, "reports": reports, "archive": archive, "reasons": reasons, "sides": told}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""How to learn from the newest data only, and from more of it the further training is.

Early data of a policy that still changes fast misleads; later there may be more of it. A function of the env
step says how many of the newest items are drawn from. Run it: python examples/worker_elastic.py
"""

from __future__ import annotations

import sys
from typing import Any

from ding_buffer.replay import ElasticReplayBuffer

PER_COLLECT, BATCH = 20, 200


def main(steps: int = 800) -> dict[str, Any]:
    def newest(envstep: int) -> float:
        """A quarter of what was ever pushed, but never fewer than one collection."""
        return max(PER_COLLECT, envstep / 4)

    ages: list[int] = []
    with ElasticReplayBuffer({"replay_buffer_size": 500, "set_buffer_size": newest, "seed": 0}) as buffer:
        print("env step  held  drawn from  oldest drawn, in steps")
        for envstep in range(PER_COLLECT, steps + 1, PER_COLLECT):
            buffer.push([{"step": envstep - left} for left in range(PER_COLLECT, 0, -1)], envstep)
            buffer.update(envstep)  # here an update is the progress, not priorities
            batch = buffer.sample(BATCH, 0, replace=True)
            ages.append(envstep - min(data["step"] for data in batch or ()))
            if envstep % max(PER_COLLECT, steps // 8 // PER_COLLECT * PER_COLLECT) == 0:
                print(f"{envstep:>8}  {len(buffer):>4}  {buffer.current_buffer_size:>10}  {ages[-1]:>8}")
        told = {"held": len(buffer), "current": buffer.current_buffer_size, "ages": ages}
    print("All others stay where they are, and count again when the window grows.")
    return told


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

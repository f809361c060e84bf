"""How to keep the newest transitions and draw batches of them, with DI-engine's buffer of that kind.

Lists of payloads go in and come out; a shortage is None, not an error.
Run it: python examples/worker_naive.py
"""

from __future__ import annotations

import sys
from typing import Any

from ding_buffer import create_buffer

BATCH = 4


def main(pushes: int = 1000) -> dict[str, Any]:
    cfg = {"type": "naive", "replay_buffer_size": 100, "seed": 0}
    # Any mapping is a config; leaving the block closes the buffer, which clears it and ends its threads.
    with create_buffer(cfg) as buffer:
        early = buffer.sample(BATCH, 0)
        print(f"Before anything is pushed a sample is {early}: try again later.")

        for step in range(0, pushes, 10):
            buffer.push([{"obs": n} for n in range(step, min(step + 10, pushes))], step)
        held = buffer.count()
        print(f"Of {buffer.push_count} items that were pushed the newest {held} are held.")

        batch = buffer.sample(BATCH, 1)
        newest = buffer.sample(BATCH, 1, sample_range=slice(-10, None))
        print("Four of all:", [data["obs"] for data in batch])
        print("Four of the newest ten:", [data["obs"] for data in newest])
        print("More than there are, with replace:", len(buffer.sample(2 * held, 1, replace=True)))

        # A state holds the generator as well: a run that is resumed draws the batch it would have drawn.
        with create_buffer(cfg) as resumed:
            resumed.load_state_dict(buffer.state_dict())
            same = buffer.sample(BATCH, 2) == resumed.sample(BATCH, 2)
        print("A buffer that took its state over draws the same next batch:", same)
    return {"early": early, "held": held, "batch": batch, "newest": newest, "same": same}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

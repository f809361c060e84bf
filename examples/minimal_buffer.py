"""What a buffer is, and what one does with it.

Run it: python examples/minimal_buffer.py
"""

from __future__ import annotations

import sys
from typing import Any

from ding_buffer import DequeBuffer


def main(pushes: int = 1000) -> dict[str, Any]:
    buffer = DequeBuffer(size=100, seed=0)

    # An item is any object, with whatever you want to know about it in `meta`.
    for step in range(pushes):
        buffer.push({"obs": step, "reward": 0.1 * step}, meta={"episode": step // 10})
    oldest = buffer[0].data["obs"]
    print(
        f"I pushed {pushes} items into room for {buffer.capacity}: it holds {len(buffer)}, from {oldest} on."
    )

    # A sample is a list of items. Each has its payload, its meta, and an index by which it is known.
    batch = buffer.sample(4)
    print("Four at random:", [item.data["obs"] for item in batch])
    print("Four of the newest ten:", [i.data["obs"] for i in buffer.sample(4, sample_range=slice(-10, None))])
    episodes = buffer.sample(2, groupby="episode")
    print("Two whole episodes:", [[item.data["obs"] for item in episode] for episode in episodes])

    # Items change and go by their index; an item that has gone already is no error.
    first = batch[0]
    buffer.update(first.index, meta={"episode": "the best"})
    episode = buffer.get_by_index(first.index).meta["episode"]
    print(f"Item {first.data['obs']} now belongs to episode {episode!r}.")
    there = buffer.delete([first.index, first.index])
    print(f"Deleting it twice deleted {there}; an update now returns {buffer.update(first.index, data={})}.")
    return {"held": len(buffer), "oldest": oldest, "episodes": episodes, "deleted": there}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""How to keep whole episodes, whatever their length, and learn from what came of them.

Two arms, one better; an episode pulls one arm some times. What an episode returned is known only when it is
over, so an item is a whole one. Run it: python examples/worker_episode.py
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ding_buffer.replay import EpisodeReplayBuffer

CHANCES, BATCH = (0.3, 0.6), 16


def main(episodes: int = 400) -> dict[str, Any]:
    rng, values = np.random.default_rng(0), [0.0, 0.0]
    with EpisodeReplayBuffer({"replay_buffer_size": 50, "seed": 0}) as buffer:
        for number in range(episodes):
            arm = number % 2
            rewards = rng.random(rng.integers(5, 20)) < CHANCES[arm]
            episode = [{"arm": arm, "reward": float(reward)} for reward in rewards]
            buffer.push([episode], number)  # in a list: a list is many items, and this is one
            batch = buffer.sample(BATCH, number)
            for sampled in batch or ():  # None while there are fewer
                mean = sum(step["reward"] for step in sampled) / len(sampled)
                values[sampled[0]["arm"]] += 0.02 * (mean - values[sampled[0]["arm"]])
        held, lengths = buffer.count(), buffer.episode_len
    print(f"The newest {held} of {episodes} episodes are held, of {min(lengths)} to {max(lengths)} steps.")
    for arm, (value, chance) in enumerate(zip(values, CHANCES, strict=True)):
        print(f"Arm {arm} is thought to pay {value:.2f} a pull; it pays {chance:.2f}.")
    return {"held": held, "lengths": lengths, "values": values}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

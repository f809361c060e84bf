"""How data gets from the thread that acts to the thread that learns.

A collector acts in a little world and leaves what it sees; a trainer fetches that when enough has come, and
learns the world from random batches. Old data lives on at random, so what was seen rarely is not forgotten.

Run it: python examples/collector_and_trainer.py
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from ding_buffer.pipeline import DataCollectorsDict, DataUser, DataUsersDict, RandomReplacementBuffer

FIELDS = ["observation", "action", "reward"]
ENOUGH = 20  # new items before the trainer learns again


def collect(collectors: DataCollectorsDict, steps: int, seed: int) -> None:
    """Acts at random and leaves every step; the reward is 3 * observation - 2 * action + 1, and noise."""
    world = random.Random(seed)
    collector = collectors.acquire("experience")  # nobody else can have it now
    try:
        for _ in range(steps):
            observation, action = world.uniform(-1, 1), world.choice([-1, 1])
            reward = 3 * observation - 2 * action + 1 + world.gauss(0, 0.1)
            time.sleep(0.0002)  # so long a step takes in this world
            collector.collect({"observation": observation, "action": action, "reward": reward})
    finally:
        collectors.release("experience")


def train(user: DataUser, weights: np.ndarray, done: threading.Event) -> int:
    """Learns whenever there is enough that is new; returns how many batches that took."""
    batches, seen = 0, user.mark()
    while True:
        last = done.is_set()  # asked first: what is collected until then comes with this update
        user.update()
        if user.count_data_added_since(seen) >= ENOUGH or last:
            seen = user.mark()
            for _ in range(20):
                batch = user.sample(16)
                inputs = np.array([batch["observation"], batch["action"], np.ones(16)])
                weights += 0.1 * inputs @ (np.array(batch["reward"]) - weights @ inputs) / 16
                batches += 1
        if last:
            return batches
        done.wait(0.001)


def main(steps: int = 3000) -> dict[str, Any]:
    buffer = RandomReplacementBuffer(FIELDS, max_size=500, expected_survival_length=10_000, seed=0)
    users = DataUsersDict.from_data_buffers(experience=buffer)
    user, weights, done, batches = users["experience"], np.zeros(3), threading.Event(), [0]

    trainer = threading.Thread(target=lambda: batches.append(train(user, weights, done)))
    actor = threading.Thread(target=collect, args=(users.data_collectors_dict, steps, 0))
    trainer.start()
    actor.start()
    actor.join()
    done.set()
    trainer.join()

    counts = user.stats()
    print(f"{steps} steps: {counts['added']} came into the buffer, {counts['dropped']} were dropped before.")
    print(f"{batches[-1]} batches later the trainer knows: reward =", end=" ")
    print("{:+.2f} observation {:+.2f} action {:+.2f}".format(*weights))

    with tempfile.TemporaryDirectory() as directory:
        users.save_state(Path(directory) / "run")
        resumed = DataUsersDict.from_data_buffers(experience=RandomReplacementBuffer(FIELDS, 500))
        resumed.load_state(Path(directory) / "run")
    print(f"A run that goes on from the files has {len(resumed['experience'])} of these items again.")
    return {"weights": weights, "counts": counts, "batches": batches[-1], "resumed": resumed["experience"]}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""How actor processes push into one buffer in shared memory, and a learner draws from it by priority.

Run it: python examples/shared_actors.py
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from typing import Any

import gymnasium
import numpy as np

from ding_buffer import DequeBuffer
from ding_buffer.middleware import PriorityExperienceReplay
from ding_buffer.storages.shared_storage import SharedStorage

ACTORS, BATCH = 2, 64
OBS = (np.float32, (4,))
SPEC = {"obs": OBS, "action": np.int64, "reward": np.float32, "next_obs": OBS, "terminated": np.bool_}
# What a meta may hold has to be said as well: it lies beside the row, for all to see.
META = {"env": np.int64, "priority": np.float64}


def act(storage: SharedStorage, number: int, steps: int) -> None:
    """Plays CartPole; its storage came with the process and only reads until it takes a number."""
    storage.claim(number)
    buffer = DequeBuffer(storage.capacity, storage=storage)
    env = gymnasium.make("CartPole-v1")
    obs, _ = env.reset(seed=number)
    for _ in range(steps):
        action = int(obs[2] > 0)
        next_obs, reward, terminated, truncated, _ = env.step(action)
        step = {
            "obs": obs,
            "action": action,
            "reward": reward,
            "next_obs": next_obs,
            "terminated": terminated,
        }
        buffer.push(step, meta={"env": number})
        obs = env.reset()[0] if terminated or truncated else next_obs


def main(steps: int = 3000) -> dict[str, Any]:
    # The learner makes the memory. It never pushes, so both numbers are for the actors.
    storage = SharedStorage(SPEC, writers=ACTORS, meta=META)
    learner = DequeBuffer(size=5000, storage=storage, seed=0).use(PriorityExperienceReplay())
    context = multiprocessing.get_context("spawn")
    actors = [context.Process(target=act, args=(storage, number, steps)) for number in range(ACTORS)]
    for actor in actors:
        actor.start()

    samples, ends = 0, 0
    while any(actor.is_alive() for actor in actors) or not samples:
        if len(learner) < BATCH:  # to ask is to let in what has arrived
            time.sleep(0.01)
            continue
        batch = learner.sample(BATCH)
        # Learn from it here; what ended an episode is worth another look.
        learner.update(batch.index, meta={"priority": np.where(batch.data["terminated"], 5.0, 1.0)})
        samples, ends = samples + 1, ends + int(batch.data["terminated"].sum())
        time.sleep(0.001)  # the time that learning takes
    for actor in actors:
        actor.join()

    told = {"held": len(learner), **learner.stats(), "samples": samples, "ends": ends, "storage": storage}
    print(f"{ACTORS} actors pushed {told['pushed']} steps; {told['held']} are held, {told['missed']} missed.")
    print(
        f"Meanwhile the learner drew {samples} batches, {ends / samples / BATCH:.0%} of it ends of episodes."
    )
    storage.close()  # the memory goes with the last process that leaves
    return told


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""How to record vector environments into columns, and draw from them what a learner wants.

Run it: python examples/vector_env_columns.py
"""

from __future__ import annotations

import sys
from typing import Any

import gymnasium
import numpy as np

from ding_buffer import DequeBuffer
from ding_buffer.integrations.gymnasium_vector import VectorRecorder
from ding_buffer.middleware import n_step
from ding_buffer.storages.column_storage import ColumnStorage

ENVS, BATCH, GAMMA = 8, 32, 0.99


def policy(observations: np.ndarray) -> np.ndarray:
    """Pushes each cart to the side its pole leans to: it soon swings over."""
    return (observations[:, 2] > 0).astype(np.int64)


def main(steps: int = 500) -> dict[str, Any]:
    envs = gymnasium.make_vec("CartPole-v1", ENVS, vectorization_mode="sync")
    # Rewards come as float64; float32 does as well.
    buffer = DequeBuffer(size=20_000, storage=ColumnStorage(), seed=0)
    recorder = VectorRecorder(envs, buffer, reward_dtype=np.float32)

    # Either let it play...
    recorder.reset(seed=0)
    recorder.run(policy, steps // 2)

    # ... or step it yourself, as you would step the envs.
    observations = recorder.observation
    for _ in range(steps - steps // 2):
        observations, _, _, _, _ = recorder.step(policy(observations))
    envs.close()
    print(f"{steps} steps of {ENVS} envs gave {recorder.transitions} transitions: {len(buffer)} are held.")
    print(f"{recorder.skipped} steps only reset an env after its episode; none of them was recorded.")
    print(f"{recorder.episodes} episodes ended, the last ones with returns {recorder.episode_returns[-3:]}.")

    # A batch is a few arrays. Cut off is not over: only `terminated` ends what is still to come.
    batch = buffer.sample(BATCH)
    print("A uniform batch:", {name: column.shape for name, column in batch.data.items()})
    bootstrap = GAMMA * ~batch.data["terminated"]

    # A view is the same store with layers of its own: here, returns over five steps.
    returns = buffer.view().use(n_step(5, GAMMA)).sample(BATCH)
    counts = np.bincount(returns.meta["n_step"], minlength=6)[1:]
    print(f"An n-step batch: rewards up to {returns.data['reward'].max():.2f}, of 1 to 5 steps: {counts}.")
    return {
        "recorder": recorder,
        "buffer": buffer,
        "bootstrap": bootstrap,
        "batch": batch,
        "returns": returns,
    }


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""How actors in other processes write trajectories while a learner draws from them and from demonstrations.

The task is CartPole without its velocities, so the policy has to remember: a GRU. The learner imitates what
turned out better than it expected, first of the demonstrations, which are mediocre, then of its own play.
Run it: python examples/trajectories_on_disk.py
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader

from ding_buffer.trajectories import (
    Batch,
    DiskTrajDataset,
    MixtureOfDatasets,
    RLData_pad_collate,
    get_path_to_trajs,
    load_traj_from_disk,
    save_rollouts,
)

ACTORS, BATCH, LENGTH, EPOCH, GAMMA = 2, 24, 64, 20, 0.97


class SequencePolicy(torch.nn.Module):
    """Sees positions and what it did, remembers, and says what to do and how well it will go."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = torch.nn.GRU(2 + 3, 64, batch_first=True)
        self.heads = torch.nn.Linear(64, 3)

    def forward(self, seen: torch.Tensor, rl2s: torch.Tensor, state: Any = None) -> Any:
        """Returns scores of both actions and a value for every moment, and the memory at the end."""
        hidden, state = self.memory(torch.cat((seen * 5.0, rl2s), dim=-1), state)
        out = self.heads(hidden)
        return out[..., :2], out[..., 2:], state


class Player:
    """Plays a policy step by step, with the memory that this takes."""

    def __init__(self, policy: SequencePolicy, seed: int, greedy: bool = False) -> None:
        self.policy, self.greedy, self.rng = policy, greedy, np.random.default_rng(seed)

    def reset(self) -> None:
        """Forgets: an episode begins."""
        self.state, self.rl2 = None, torch.zeros(1, 1, 3)

    def __call__(self, observation: Any) -> int:
        """Returns the next action."""
        with torch.no_grad():
            seen = torch.as_tensor(observation).reshape(1, 1, 2)
            scores, _, self.state = self.policy(seen, self.rl2, self.state)
        chances = functional.softmax(scores[0, 0].double(), dim=-1).numpy()
        action = int(chances.argmax()) if self.greedy else int(self.rng.choice(2, p=chances))
        self.rl2 = torch.zeros(1, 1, 3)
        self.rl2[0, 0, 0], self.rl2[0, 0, 1 + action] = 1.0, 1.0
        return action


def positions_only() -> Any:
    env = gymnasium.make("CartPole-v1")
    space = gymnasium.spaces.Box(-10.0, 10.0, (2,))
    return gymnasium.wrappers.TransformObservation(env, lambda seen: seen[[0, 2]], space)


def demonstrate(folder: str, episodes: int) -> float:
    """Records somebody who knows the velocities and often does anything; returns how long the pole stood."""
    env, rng = gymnasium.make("CartPole-v1"), np.random.default_rng(0)
    space = positions_only().observation_space
    wrapped = gymnasium.wrappers.TransformObservation(env, lambda seen: seen[[0, 2]], space)

    def expert(_: Any) -> int:
        _, _, angle, turning = env.unwrapped.state
        return int(rng.integers(2)) if rng.random() < 0.5 else int(3.0 * angle + turning > 0)

    names = save_rollouts(wrapped, expert, folder, episodes=episodes, seed=0)
    return float(np.mean([len(load_traj_from_disk(name)) for name in names]))


def act(number: int, folder: str, weights: str, stop: Any) -> None:
    """Plays the newest policy and writes a file of each episode, until it is told to stop."""
    torch.set_num_threads(1)
    env, policy = positions_only(), SequencePolicy()
    player = Player(policy, seed=number)
    while not stop.is_set():
        policy.load_state_dict(torch.load(weights, weights_only=True))
        save_rollouts(env, player, folder, seed=int(player.rng.integers(2**31)))


def publish(policy: SequencePolicy, weights: str) -> None:
    torch.save(policy.state_dict(), f"{weights}.new")
    os.replace(f"{weights}.new", weights)  # noqa: PTH105


def loss_of(policy: SequencePolicy, batch: Batch) -> torch.Tensor:
    scores, values, _ = policy(batch.obs["observation"], batch.rl2s)
    with torch.no_grad():  # what came after each step, discounted, beyond the slice as the policy expects it
        returns, after = torch.zeros_like(batch.rews), values.gather(1, batch.lengths[:, None, None])[:, 0]
        for step in reversed(range(batch.rews.shape[1])):
            here = (1 - GAMMA) * batch.rews[:, step] + GAMMA * after * ~batch.dones[:, step]
            after = torch.where(batch.mask[:, step], here, after)
            returns[:, step] = after
        better = (returns > values[:, :-1]).float()
    chosen = (functional.log_softmax(scores[:, :-1], dim=-1) * batch.actions).sum(-1, keepdim=True)
    errors = (values[:, :-1] - returns) ** 2 - better * chosen
    return (errors * batch.mask).sum() / batch.mask.sum()


def steps_survived(policy: SequencePolicy, episodes: int = 10) -> float:
    env, player, steps = positions_only(), Player(policy, seed=0, greedy=True), 0
    for episode in range(episodes):
        observation, over = env.reset(seed=1000 + episode)[0], False
        player.reset()
        while not over:
            observation, _, terminated, truncated, _ = env.step(player(observation))
            steps, over = steps + 1, terminated or truncated
    return steps / episodes


def train(root: str, updates: int) -> dict[str, Any]:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    shown = demonstrate(get_path_to_trajs(root, "demos", fifo=False), episodes=60)
    replay = DiskTrajDataset(root, "replay", dset_max_size=150, dset_min_size=5, sample_by="steps", seed=1)
    demos = DiskTrajDataset(root, "demos", dset_max_size=0, cache_bytes=10**8, seed=2)
    mixture = MixtureOfDatasets([replay, demos], [0.7, 0.3], smooth_sudden_starts=5, seed=3)
    mixture.configure(EPOCH * BATCH, max_seq_len=LENGTH, padded_sampling="both", has_edit_rights=True)

    policy, weights, metrics = SequencePolicy(), str(Path(root, "weights.pt")), {}
    optimizer = torch.optim.Adam(policy.parameters(), lr=3e-3)
    before = steps_survived(policy)
    publish(policy, weights)
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    actors = [
        context.Process(target=act, args=(number, mixture.save_new_trajs_to, weights, stop))
        for number in range(ACTORS)
    ]
    for actor in actors:
        actor.start()
    try:
        for _ in range(updates // EPOCH):
            for batch in DataLoader(mixture, batch_size=BATCH, collate_fn=RLData_pad_collate):
                optimizer.zero_grad()
                loss_of(policy, batch).backward()
                torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
                optimizer.step()
            publish(policy, weights)
            metrics = mixture.on_end_of_collection(None)
        # A short run may be over before the actors have begun.
        while not replay.stats()["drawn"] and all(actor.is_alive() for actor in actors):
            time.sleep(0.05)
            mixture.on_end_of_collection(None)
            if replay.ready_for_training:
                replay[0]
    finally:
        stop.set()
        for actor in actors:
            actor.join()
    return {
        "before": before,
        "shown": shown,
        "after": steps_survived(policy),
        "metrics": metrics,
        "replay": replay.stats(),
        "demos": demos.stats(),
    }


def main(updates: int = 500) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as root:
        told = train(root, updates)
    print(
        f"The pole stood {told['before']:.0f} steps before and {told['after']:.0f} after {updates} updates; "
        f"that of the demonstrator stood {told['shown']:.0f}."
    )
    print(
        f"{told['replay']['drawn']} slices were drawn of the actors' files, "
        f"{told['demos']['drawn']} of the demonstrations."
    )
    return told


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""stable-baselines3: one numpy array a field, and torch tensors on the way out."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from stable_baselines3.common.buffers import NStepReplayBuffer, ReplayBuffer
from stable_baselines3.common.save_util import load_from_pkl, save_to_pkl

from benchmarks import works
from benchmarks.transitions import BATCH, CHUNK, GAMMA, IMAGE, STEPS, Columns, chunks, image_chunks, many, one
from benchmarks.works import Work

PACKAGES = ("stable_baselines3", "torch", "numpy")
SPACE = Box(-np.inf, np.inf, (4,), np.float32)
IMAGES = Box(0, 255, IMAGE, np.uint8)
torch.set_num_threads(1)


def _made(size: int, make: Any = ReplayBuffer, space: Any = SPACE, envs: int = 1, **options: Any) -> Any:
    return make(size * envs, space, Discrete(5), "cpu", envs, **options)


def _put(buffer: Any, chunk: Columns) -> None:
    """Writes transitions straight into the arrays, as ``add`` would one by one; filling is not timed."""
    places = np.arange(buffer.pos, buffer.pos + len(chunk["act"]))
    buffer.observations[places, 0] = chunk["obs"]
    buffer.next_observations[places, 0] = chunk["next_obs"]
    buffer.actions[places, 0, 0] = chunk["act"]
    buffer.rewards[places, 0] = chunk["rew"]
    buffer.dones[places, 0] = chunk["done"]
    buffer.pos = (places[-1] + 1) % buffer.buffer_size
    buffer.full |= buffer.pos == 0


def _filled(size: int, make: Any = ReplayBuffer, **options: Any) -> Any:
    buffer = _made(size, make, **options)
    for chunk in chunks(size):
        _put(buffer, chunk)
    return buffer


def _drawing(buffer: Any, batch: int = BATCH) -> Any:
    def draw() -> Columns:
        drawn = buffer.sample(batch)
        return {
            "obs": drawn.observations.numpy(),
            "act": drawn.actions.numpy(),
            "rew": drawn.rewards.numpy(),
            "next_obs": drawn.next_observations.numpy(),
            "done": drawn.dones.numpy(),
        }

    return draw


def _adding(buffer: Any) -> Any:
    """Adds a transition as a training loop does: leading dimension one, and the infos of the environment."""
    item = {name: np.asarray(value)[None] for name, value in one().items()}
    return partial(buffer.add, item["obs"], item["next_obs"], item["act"], item["rew"], item["done"], [{}])


def _adding_many(buffer: Any) -> Any:
    """Adds from that many environments at once, the only batch there is."""
    item = many()
    return partial(
        buffer.add, item["obs"], item["next_obs"], item["act"], item["rew"], item["done"], [{}] * CHUNK
    )


def push(size: int) -> Work:
    buffer = _filled(size)
    return works.pushing(_adding(buffer), _drawing(buffer), size)


def push_batch(size: int) -> Work:
    buffer = _made(max(1, size // CHUNK), envs=CHUNK)
    return works.pushing(_adding_many(buffer), _drawing(buffer), size)


def sample(size: int) -> Work:
    return works.sampling(_drawing(_filled(size)), size)


def images(size: int) -> Work:
    buffer = _made(size, space=IMAGES)
    for chunk in image_chunks(size):
        _put(buffer, chunk)
    draw = _drawing(buffer)
    return Work(draw, lambda: works.check_images(draw()))


def nstep_push(size: int) -> Work:
    buffer = _filled(size, NStepReplayBuffer, n_steps=STEPS, gamma=GAMMA)
    return Work(_adding(buffer), lambda: None)


def nstep_sample(size: int) -> Work:
    return works.returning(_drawing(_filled(size, NStepReplayBuffer, n_steps=STEPS, gamma=GAMMA)))


def save(size: int) -> Work:
    return _storing(size)[0]


def load(size: int) -> Work:
    return _storing(size)[1]


def _storing(size: int) -> tuple[Work, Work]:
    buffer, path = _filled(size), works.scratch("buffer.pkl")
    return works.storing(
        lambda: save_to_pkl(path, buffer),
        lambda: load_from_pkl(path),
        lambda loaded: int(loaded.size()),
        size,
    )


def memory(size: int) -> Work:
    return works.growing(_filled, size)


def threads(size: int) -> Work:
    buffer = _made(max(1, size // CHUNK), envs=CHUNK)
    add = _adding_many(buffer)
    add()
    return works.rating(add, _drawing(buffer, CHUNK))


def samplers(size: int, count: int) -> Work:
    return works.crowding(_drawing(_filled(size)), count)

"""cpprb: columns and segment trees in C++, reached through Cython."""

from __future__ import annotations

import multiprocessing
from functools import partial
from typing import Any

import cpprb

from benchmarks import works
from benchmarks.transitions import (
    BATCH,
    CHUNK,
    EPISODE,
    GAMMA,
    IMAGE_SPEC,
    SPEC,
    STEPS,
    chunks,
    image_chunks,
    many,
    one,
    touched,
)
from benchmarks.works import Work

PACKAGES = ("cpprb", "numpy")
NSTEP = {"size": STEPS, "gamma": GAMMA, "rew": "rew", "next": "next_obs"}


def _fields(spec: Any = SPEC) -> Any:
    return {name: {"shape": shape or 1, "dtype": kind} for name, (shape, kind) in spec.items()}


def _filled(size: int, make: Any = cpprb.ReplayBuffer, **options: Any) -> Any:
    buffer = make(size, _fields(), **options)
    nstep = "Nstep" in options
    for chunk in chunks(size, EPISODE if nstep else 10_000):
        buffer.add(**chunk)
        if nstep:
            buffer.on_episode_end()
    return buffer


def _drawing(buffer: Any, batch: int = BATCH) -> Any:
    return lambda: touched(buffer.sample(batch))


def push(size: int) -> Work:
    buffer = _filled(size)
    return works.pushing(partial(buffer.add, **one()), _drawing(buffer), size)


def push_batch(size: int) -> Work:
    buffer = _filled(size)
    return works.pushing(partial(buffer.add, **many()), _drawing(buffer), size)


def sample(size: int) -> Work:
    return works.sampling(_drawing(_filled(size)), size)


def per_cycle(size: int, pushes: bool = False) -> Work:
    buffer = _filled(size, cpprb.PrioritizedReplayBuffer, alpha=0.6)

    def draw() -> Any:
        batch = buffer.sample(BATCH, beta=0.4)
        return touched(batch), batch["indexes"]

    return works.prioritized(
        draw, buffer.update_priorities, size, partial(buffer.add, **one()) if pushes else None
    )


def images(size: int) -> Work:
    buffer = cpprb.ReplayBuffer(size, _fields(IMAGE_SPEC))
    for chunk in image_chunks(size):
        buffer.add(**chunk)
    draw = _drawing(buffer)
    return Work(draw, lambda: works.check_images(draw()))


def nstep_push(size: int) -> Work:
    buffer = _filled(size, Nstep=NSTEP)
    return Work(partial(buffer.add, **one()), lambda: None)


def nstep_sample(size: int) -> Work:
    return works.returning(_drawing(_filled(size, Nstep=NSTEP)))


def save(size: int) -> Work:
    return _storing(size)[0]


def load(size: int) -> Work:
    return _storing(size)[1]


def _storing(size: int) -> tuple[Work, Work]:
    buffer, other = _filled(size), cpprb.ReplayBuffer(size, _fields())
    path = works.scratch("buffer.npz")

    def read() -> Any:
        other.clear()
        other.load_transitions(path)
        return other

    write = partial(buffer.save_transitions, path)
    return works.storing(write, read, lambda loaded: int(loaded.get_stored_size()), size)


def memory(size: int) -> Work:
    return works.growing(_filled, size)


def threads(size: int) -> Work:
    buffer = _filled(size)
    return works.rating(partial(buffer.add, **many()), _drawing(buffer, CHUNK))


def samplers(size: int, count: int) -> Work:
    buffer = _filled(size)
    return works.crowding(_drawing(buffer), count)


def processes(size: int) -> Work:
    context = multiprocessing.get_context("fork")
    buffer = cpprb.MPReplayBuffer(size, _fields(), ctx=context)
    for chunk in chunks(size):
        buffer.add(**chunk)

    return works.crossing(context, _writing, (buffer,), _drawing(buffer, CHUNK))


def _writing(buffer: Any) -> Any:
    return partial(buffer.add, **many())

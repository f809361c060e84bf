"""All kinds of worker buffer, for tests of what they have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from ding_buffer.replay.advanced_buffer import AdvancedReplayBuffer
from ding_buffer.replay.deque_wrapper import DequeBufferWrapper
from ding_buffer.replay.elastic_buffer import ElasticReplayBuffer
from ding_buffer.replay.episode_buffer import EpisodeReplayBuffer
from ding_buffer.replay.naive_buffer import NaiveReplayBuffer
from ding_buffer.replay.sequence_buffer import SequenceReplayBuffer
from ding_buffer.replay.worker_buffer import WorkerBuffer

UNIFORM: tuple[type[WorkerBuffer], ...] = (NaiveReplayBuffer, ElasticReplayBuffer, EpisodeReplayBuffer)
MONITORED: tuple[type[WorkerBuffer], ...] = (*UNIFORM, SequenceReplayBuffer, AdvancedReplayBuffer)
"""Those that report what comes and goes, copy on the way, and can remove files of used data."""
FACES: tuple[type[WorkerBuffer], ...] = (*MONITORED, DequeBufferWrapper)


class Writer:
    """A ``tb_logger`` that keeps what it is told."""

    def __init__(self) -> None:
        self.scalars: dict[str, list[float]] = {}
        self.flushed = self.closed = 0

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.scalars.setdefault(tag, []).append(value)

    def flush(self) -> None:
        self.flushed += 1

    def close(self) -> None:
        self.closed += 1


def item(number: int) -> dict[str, Any]:
    return {"n": number, "obs": np.full(2, number)}


def sample(face: Any, size: int) -> list[Any] | None:
    """Draws payloads, flat, as each face calls it."""
    if isinstance(face, SequenceReplayBuffer):
        windows = face.sample(size, 1, 0)
        return None if windows is None else [data for window in windows for data in window]
    drawn: list[Any] | None = face.sample(size, 0)
    return drawn


def held(face: Any) -> list[int]:
    return [one.data["n"] for one in face.buffer]

"""Copies and pickles of worker buffers."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.replay.advanced_buffer import AdvancedReplayBuffer
from ding_buffer.replay.deque_wrapper import DequeBufferWrapper
from ding_buffer.replay.elastic_buffer import ElasticReplayBuffer
from ding_buffer.replay.episode_buffer import EpisodeReplayBuffer
from ding_buffer.replay.naive_buffer import NaiveReplayBuffer
from ding_buffer.replay.sequence_buffer import SequenceReplayBuffer

FACES = (
    NaiveReplayBuffer,
    ElasticReplayBuffer,
    SequenceReplayBuffer,
    EpisodeReplayBuffer,
    AdvancedReplayBuffer,
    DequeBufferWrapper,
)
MONITORED = FACES[:-1]


class Writer:
    def __init__(self) -> None:
        self.scalars: dict[str, list[float]] = {}

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.scalars.setdefault(tag, []).append(value)


def item(number: int) -> dict[str, Any]:
    return {"n": number, "obs": np.full(2, number)}


def sample(face: Any, size: int) -> list[Any]:
    """Draws payloads, flat, as each face calls it."""
    if isinstance(face, SequenceReplayBuffer):
        return [data for window in face.sample(size, 1, 0) or () for data in window]
    return face.sample(size, 0) or []


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda face: pickle.loads(pickle.dumps(face))])
def test_a_copy_goes_on_as_the_buffer_would_and_shares_nothing(face, copied) -> None:
    made = face({"replay_buffer_size": 6, "seed": 3}, instance_name="mine")
    made.push([item(number) for number in range(8)])
    sample(made, 2)
    other = copied(made)

    assert (type(made), made.cfg, repr(made)) == (type(other), other.cfg, repr(other))
    assert made.push_count == other.push_count
    assert [data["n"] for data in sample(made, 4)] == [data["n"] for data in sample(other, 4)]

    other.buffer[0].data["obs"][:] = -1
    other.clear()
    assert [2, 3, 4, 5, 6, 7] == [one.data["n"] for one in made.buffer]
    assert 2 == made.buffer[0].data["obs"][0]


@pytest.mark.parametrize("face", MONITORED)
def test_a_deep_copy_reports_to_the_same_writer_and_a_pickled_one_to_the_log(face) -> None:
    writer = Writer()
    made = face({}, writer)
    made.push([item(0)])
    copy.deepcopy(made).close()
    pickle.loads(pickle.dumps(made)).close()

    assert [1] == writer.scalars["buffer_sec/removed"]


@pytest.mark.parametrize("face", MONITORED)
def test_a_buffer_that_removes_files_is_not_copied(face) -> None:
    with face({"enable_track_used_data": True}) as made:
        for copied in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(BadArgument, match="both would remove the same files"):
                copied(made)

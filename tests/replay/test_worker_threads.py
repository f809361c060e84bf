"""Many threads on one worker buffer, against a counted stream: no exception, nothing lost, nothing twice.

2 seconds for each kind of buffer; half a minute with ``DING_BUFFER_LONG=1`` (``make test-threads``).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from ding_buffer.middleware.removals import track_removed
from ding_buffer.replay.advanced_buffer import AdvancedReplayBuffer
from ding_buffer.replay.deque_wrapper import DequeBufferWrapper
from ding_buffer.replay.elastic_buffer import ElasticReplayBuffer
from ding_buffer.replay.episode_buffer import EpisodeReplayBuffer
from ding_buffer.replay.naive_buffer import NaiveReplayBuffer
from ding_buffer.replay.sequence_buffer import SequenceReplayBuffer
from tests.middleware.side_threads import until

SECONDS = 30.0 if os.environ.get("DING_BUFFER_LONG") == "1" else 2.0
PUSHERS, SAMPLERS, CAPACITY, BATCH, MAX_USE = 3, 3, 500, 16, 2


@pytest.fixture(autouse=True)
def threads_that_take_turns_often() -> Iterator[None]:
    """What is not held together comes apart: threads are switched in the midst of everything."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


class Stream:
    """What every thread pushed and saw, and what left."""

    def __init__(self, face: Any) -> None:
        self.face = face
        self.pushed = [0] * PUSHERS  # by pusher: it numbers its items
        self.removed: list[int] = []
        self.batches: list[list[Any]] = [[] for _ in range(SAMPLERS)]  # the different items of each
        self.sampled = [0] * SAMPLERS
        self.errors: list[BaseException] = []
        self.over = threading.Event()
        face.buffer.use(track_removed(lambda items, reason: self.removed.extend(map(name_of, items))))

    def run(self, *works: Callable[[], None]) -> None:
        def until_over(work: Callable[[], None]) -> None:
            try:
                while not self.over.is_set():
                    work()
            except BaseException as error:  # noqa: BLE001  kept for the assertion
                self.errors.append(error)
                self.over.set()

        threads = [threading.Thread(target=until_over, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        try:
            self.over.wait(SECONDS)
            # On a busy machine some had no turn yet.
            until(lambda: self.over.is_set() or min(self.pushed + self.sampled) > 0)
        finally:
            self.over.set()
        for thread in threads:
            thread.join()

    def pusher(self, number: int, item: Callable[[int, int], Any]) -> Callable[[], None]:
        rng = np.random.default_rng(number)

        def push() -> None:
            begin, count = self.pushed[number], int(rng.integers(1, 8))
            self.face.push([item(number, begin + step) for step in range(count)], begin)
            self.pushed[number] += count

        return push

    def saw(self, sampler: int, batch: list[Any] | None, distinct: bool) -> None:
        if batch is None:
            return
        names = np.unique([data["name"] for data in batch])
        assert not distinct or len(names) == len(batch)
        self.batches[sampler].append(names)
        self.sampled[sampler] += len(batch)

    def check(self, most: float = float("inf")) -> None:
        """Compares with what must have happened; an item was in at most so many batches."""
        assert [] == self.errors
        face, total = self.face, sum(self.pushed)
        held = [name_of(item) for item in face.buffer]
        room = PUSHERS * max(self.pushed)
        expected = np.zeros(room, dtype=int)
        for pusher, count in enumerate(self.pushed):
            expected[pusher : count * PUSHERS : PUSHERS] = 1
        batches_of = np.bincount(np.concatenate([names for part in self.batches for names in part]))

        assert min(self.pushed) > 0
        assert min(self.sampled) > 0
        assert np.array_equal(expected, np.bincount(self.removed + held, minlength=room))
        assert (total, len(held)) == (face.push_count, face.count())
        assert np.all(expected[np.flatnonzero(batches_of)] == 1)
        assert batches_of.max() <= most
        for pusher in range(PUSHERS):
            own = [name for name in held if name % PUSHERS == pusher]
            assert sorted(own) == own
        monitor = face._thruput
        if monitor is not None:
            assert (total, sum(self.sampled), len(self.removed), len(held)) == (
                monitor.push_data_count,
                monitor.sample_data_count,
                monitor.remove_data_count,
                monitor.valid_count,
            )
        face.buffer.store.check()


def name_of(item: Any) -> int:
    first: Any = item.data if isinstance(item.data, dict) else item.data[0]
    return int(first["name"])


def transition(pusher: int, step: int) -> dict[str, Any]:
    return {"name": step * PUSHERS + pusher, "obs": step}


def looks(face: Any) -> Callable[[], None]:
    """Another thread that only looks."""

    def look() -> None:
        stats = face.stats()
        assert stats["size"] <= CAPACITY
        assert len(face.state_dict()["buffer"]["store"]["storage"]["data"]) <= CAPACITY

    return look


def long_period(**cfg: Any) -> dict[str, Any]:
    return {"replay_buffer_size": CAPACITY, "periodic_thruput_seconds": 1000, **cfg}


@pytest.mark.parametrize(
    ("face", "cfg"), [(NaiveReplayBuffer, {}), (ElasticReplayBuffer, {"set_buffer_size": lambda envstep: 40})]
)
def test_uniform_buffers_among_threads(face, cfg) -> None:
    made = face(long_period(**cfg))
    stream = Stream(made)

    def sampler(number: int) -> Callable[[], None]:
        return lambda: stream.saw(number, made.sample(BATCH, 0), distinct=True)

    stream.run(
        *(stream.pusher(number, transition) for number in range(PUSHERS)),
        *(sampler(number) for number in range(SAMPLERS)),
        looks(made),
    )
    stream.check()


def test_the_episode_buffer_among_threads() -> None:
    made = EpisodeReplayBuffer(long_period())
    stream = Stream(made)

    def sampler(number: int) -> Callable[[], None]:
        def sample() -> None:
            episodes = made.sample(BATCH, 0)
            firsts = None if episodes is None else [episode[0] for episode in episodes]
            stream.saw(number, firsts, distinct=True)
            assert len(made.episode_len) <= CAPACITY

        return sample

    stream.run(
        *(
            stream.pusher(number, lambda pusher, step: [transition(pusher, step)] * (1 + step % 4))
            for number in range(PUSHERS)
        ),
        *(sampler(number) for number in range(SAMPLERS)),
        looks(made),
    )
    stream.check()


def test_the_sequence_buffer_among_threads() -> None:
    made = SequenceReplayBuffer(long_period(stream_key="env"))
    stream = Stream(made)

    def item(pusher: int, step: int) -> dict[str, Any]:
        return {**transition(pusher, step), "env": pusher, "done": step % 9 == 8}

    def sampler(number: int) -> Callable[[], None]:
        def sample() -> None:
            for window in made.sample(BATCH, 3, 0) or ():
                stream.sampled[number] += len(window) - 1
                first = window[0]["name"]
                assert [first + more * PUSHERS for more in range(3)] == [data["name"] for data in window]
                assert not any(data["done"] for data in window[:-1])
                stream.saw(number, window[:1], distinct=True)

        return sample

    stream.run(
        *(stream.pusher(number, item) for number in range(PUSHERS)),
        *(sampler(number) for number in range(SAMPLERS)),
        looks(made),
    )
    stream.check()


def test_the_advanced_buffer_among_threads() -> None:
    made = AdvancedReplayBuffer(
        {
            "replay_buffer_size": CAPACITY,
            "max_use": MAX_USE,
            "monitor": {"periodic_thruput": {"seconds": 1000}},
        }
    )
    stream = Stream(made)

    def sampler(number: int) -> Callable[[], None]:
        rng = np.random.default_rng(number)

        def sample() -> None:
            batch = made.sample(BATCH, 0)
            stream.saw(number, batch, distinct=False)
            keys = ("replay_unique_id", "replay_buffer_idx")
            made.update(
                {
                    **{key: [data[key] for data in batch or ()] for key in keys},
                    "priority": rng.random(len(batch or ())),
                }
            )

        return sample

    stream.run(
        *(stream.pusher(number, transition) for number in range(PUSHERS)),
        *(sampler(number) for number in range(SAMPLERS)),
        looks(made),
    )
    stream.check(most=MAX_USE)


def test_the_wrapper_among_threads() -> None:
    made = DequeBufferWrapper(
        {"replay_buffer_size": CAPACITY, "max_use": MAX_USE, "priority": True, "priority_IS_weight": True}
    )
    stream = Stream(made)

    def sampler(number: int) -> Callable[[], None]:
        def sample() -> None:
            stream.saw(number, made.sample(BATCH), distinct=False)
            made.update({"priority": np.full(BATCH, 2.0)})

        return sample

    stream.run(
        *(stream.pusher(number, transition) for number in range(PUSHERS)),
        *(sampler(number) for number in range(SAMPLERS)),
        looks(made),
    )
    stream.check(most=MAX_USE)

"""The worker buffer whose items are episodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ding_buffer.replay.naive_buffer import NaiveReplayBuffer


class EpisodeReplayBuffer(NaiveReplayBuffer):
    """Keeps whole episodes: each item is one, with a length.

    ``push`` takes a list of episodes; one episode that is a list stands in another list. Who wants
    transitions of some fixed length overrides ``sample``, or takes a ``SequenceReplayBuffer``.
    """

    config: ClassVar[Mapping[str, Any]] = {**NaiveReplayBuffer.config, "type": "episode"}

    @property
    def episode_len(self) -> list[int]:
        """The length of each episode held, oldest first; of however many there are."""
        with self._lock:
            return [len(item.data) for item in self.buffer]

"""The worker buffer without priorities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.replay.worker_buffer import WorkerBuffer
from ding_buffer.structures.ring_index import serials_in


class NaiveReplayBuffer(WorkerBuffer):
    """Keeps the newest items and draws uniformly.

    * ``replay_buffer_size``: how many items there is room for.
    * ``deepcopy``: copies on the way in and on the way out.
    * ``enable_track_used_data``: items are dicts whose ``data_id`` is the path of a file, which is removed
      once its item has left the buffer; ``used_data_directory`` is the folder in which that may happen.
    * ``periodic_thruput_seconds``: how often throughput is reported.
    * ``seed``: of the generator that draws.
    """

    config: ClassVar[Mapping[str, Any]] = {
        "type": "naive",
        "replay_buffer_size": 10000,
        "deepcopy": False,
        "seed": None,
        "enable_track_used_data": False,
        "used_data_directory": None,
        "periodic_thruput_seconds": 60,
    }

    _counted: ClassVar[tuple[str, ...]] = (*WorkerBuffer._counted, "ignored_updates")

    _begun = 0

    def sample(
        self,
        size: int,
        cur_learner_iter: int = -1,
        sample_range: slice | None = None,
        replace: bool = False,
    ) -> list[Any] | None:
        """Draws ``size`` items, each at most once unless ``replace``; None where there are not as many.

        Items are what was pushed, by reference; one drawn again is an independent copy. ``sample_range`` is a
        slice of positions, oldest first: ``slice(-10, None)`` is the last 10 items, as the seed says and
        wherever they lie (DI-engine slices the places of its memory). ``cur_learner_iter`` is not used. The
        seed promises a list of length ``size``: a shortage is None, and logged.
        """
        return self._payloads(size, sample_range=sample_range, replace=replace)

    def clear(self) -> None:
        """Removes everything and counts pushes from zero."""
        with self._lock:
            super().clear()
            self._begun = self._store.ring.next

    @property
    def push_count(self) -> int:
        """How many items were pushed since the last ``clear``."""
        return int(self._store.ring.next) - self._begun

    def _checked(self, state: Mapping[str, Any]) -> dict[str, int]:
        numbers = super()._checked(state)
        try:
            order = state["buffer"]["store"]["order"]
            held, pushed = len(serials_in(order)), int(order["next"])
        except (LookupError, TypeError, ValueError, ArithmeticError):
            return numbers  # of what is wrong there the buffer beneath tells
        count = numbers["push_count"]
        if not held <= count <= pushed:
            raise CorruptSnapshot(
                f"push_count of a state with {held} items, of {pushed} ever pushed, is from {held} to "
                f"{pushed}, got {count}."
            )
        return numbers

    def _numbers(self) -> dict[str, int]:
        return {"push_count": self.push_count}

    def _take(self, numbers: Mapping[str, int]) -> None:
        self._begun = self._store.ring.next - numbers["push_count"]
